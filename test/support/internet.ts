/** The fake internet of the tests in workerd: only registered hosts answer, and a request to any other fails the test. */

import { vi } from 'vitest'

/** Answers the requests to one origin. */
export type Host = (request: Request) => Response | Promise<Response>

/** Sees every request before its host does, and passes it on or answers itself. */
export type Interceptor = (request: Request, next: Host) => Response | Promise<Response>

const hosts = new Map<string, Host>()
let interceptors: Interceptor[] = []
let unknown: string[] = []
/** Our `fetch`, until `vi.restoreAllMocks()` removes it. */
let installed: typeof globalThis.fetch | undefined

/** Registers a host, in place of one of the same origin. */
export function register(origin: string, host: Host): void {
  install()
  hosts.set(origin, host)
}

/** Puts an interceptor before all hosts; the one added last sees a request first. */
export function intercept(interceptor: Interceptor): void {
  install()
  interceptors.unshift(interceptor)
}

/** @returns the requested origins without a registered host, and forgets them */
export function takeUnknownOrigins(): string[] {
  const origins = unknown
  unknown = []
  return origins
}

function install(): void {
  if (installed !== undefined && installed === globalThis.fetch) return
  hosts.clear()
  interceptors = []
  unknown = []
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const next = interceptors.reduceRight<Host>(
      (inner, outer) => (request) => outer(request, inner),
      toHost,
    )
    return next(new Request(input, init))
  })
  installed = globalThis.fetch
}

function toHost(request: Request): Response | Promise<Response> {
  const { origin } = new URL(request.url)
  const host = hosts.get(origin)
  if (host) return host(request)
  unknown.push(origin)
  throw new TypeError(`no host is registered at ${origin}`)
}
