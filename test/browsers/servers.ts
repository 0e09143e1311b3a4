/** The servers of `npm start`, on free ports and in a temporary folder, and a server for pages with the SDK. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import {
  assetsFolder,
  type DevPlan,
  gatherAssets,
  planWithSimulator,
  secretsFile,
} from '../../src/tools/dev-plans.ts'
import { ensureDevSecrets } from '../../src/tools/dev-secrets.ts'
import { startDevServer } from '../../src/tools/dev-server.ts'
import { startSite } from '../../src/tools/site-server.ts'
import { findPlace } from '../e2e/support/start.ts'
import { findPort } from './port.ts'
import { type Certificate, startTlsProxy } from './tls.ts'

/** In cookie mode a page and the broker are one site (`localhost`), in OAuth mode they are two (`127.0.0.1`). */
export const MODES = ['cookie', 'oauth'] as const
export type Mode = (typeof MODES)[number]

/** Running servers. */
export interface Servers {
  readonly scheme: 'http' | 'https'
  /** Origin of the broker. */
  readonly broker: string
  /** The client of a mode. */
  clientOf(mode: Mode): string
  /** URL of the demo page. */
  demoAt(mode: Mode): string
  /** URL of a page that `serve` has set, or of an empty one. */
  pageAt(mode: Mode, path: string): string
  /** Serves a page, or a script if its path ends with `.js`. */
  serve(path: string, body: string): void
  /** Posts to a control endpoint of the simulator, such as `__faults`; without a body it deletes. */
  control(path: string, body?: object): Promise<void>
  /** Ends all grants of a Google account, and takes faults back. */
  clear(email: string): Promise<void>
}

const START_MS = 60_000
const POLL_MS = 100

/**
 * Starts the servers, which end with this process.
 *
 * @param home the folder of their state
 * @param certificate if given, they are reached by https only
 */
export async function startServers(home: string, certificate?: Certificate): Promise<Servers> {
  const scheme = certificate ? 'https' : 'http'
  const place = await findPlace(home)
  const { values } = await ensureDevSecrets(secretsFile(place))
  await gatherAssets(assetsFolder(place))
  const own = new Map<string, string>()
  const inner = await servePages(own)
  const port = certificate ? await startTlsProxy(certificate, 0, inner) : inner
  const page = { cookie: `${scheme}://localhost:${port}`, oauth: `${scheme}://127.0.0.1:${port}` }
  const demo = {
    cookie: `${scheme}://localhost:${place.port}`,
    oauth: `${scheme}://127.0.0.1:${place.elsewhere_port}`,
  }
  const simulator = `${scheme}://localhost:${place.simulator_port}`
  const clients = JSON.stringify({
    demo: { origins: [page.cookie, demo.cookie] },
    elsewhere: {
      origins: [page.oauth, demo.oauth],
      redirect_uris: [`${demo.oauth}/`, `${page.oauth}/own`],
    },
  })
  for (const plan of planWithSimulator(place, values)) await startServer(plan, clients, certificate)
  const inTime = AbortSignal.timeout(START_MS)
  await Promise.all([
    isReady(`${demo.cookie}/healthz`, inTime),
    isReady(`${simulator}/.well-known/openid-configuration`, inTime),
  ])
  const result: Servers = {
    scheme,
    broker: demo.cookie,
    clientOf: (mode) => (mode === 'cookie' ? 'demo' : 'elsewhere'),
    demoAt: (mode) => `${demo[mode]}/`,
    pageAt: (mode, path) => page[mode] + path,
    serve: (path, body) => void own.set(path, body),
    async control(path, body) {
      const headers = { 'Content-Type': 'application/json' }
      const init = body ? { method: 'POST', headers, body: JSON.stringify(body) } : {}
      const { status } = await fetch(`${simulator}/${path}`, { method: 'DELETE', ...init })
      if (status >= 300) throw new Error(`the simulator answered ${status} to ${path}`)
    },
    async clear(email) {
      await result.control('__faults')
      await result.control('__accounts/revoke', { account: email })
    },
  }
  await result.control('__settings', { poll_interval_seconds: 0.1 })
  return result
}

/** Starts a server of `npm start`; by https, all addresses that it is given begin with it too. */
async function startServer(
  plan: DevPlan,
  clients: string,
  certificate: Certificate | undefined,
): Promise<void> {
  if ('files' in plan) {
    const { origin, site } = plan
    const inner = await findPort()
    if (!certificate) startSite(plan)
    else startSite({ ...plan, port: inner, ...byHttps({ origin, site }) })
    if (certificate) await startTlsProxy(certificate, plan.port, inner)
    return
  }
  const vars = plan.name === 'broker' ? { ...plan.vars, CLIENTS: clients } : plan.vars
  if (!certificate) return void startDevServer({ ...plan, vars })
  const { key, cert } = certificate
  const tls = ['--local-protocol', 'https', '--https-key-path', key, '--https-cert-path', cert]
  startDevServer({
    ...plan,
    args: [...plan.args, ...tls],
    vars: byHttps(vars),
    secrets: { ...plan.secrets, NODE_EXTRA_CA_CERTS: cert }, // one Worker asks the other
  })
}

function byHttps<T>(value: T): T {
  return JSON.parse(JSON.stringify(value).replaceAll('http://', 'https://'))
}

/** Serves pages on both sites; @returns the port */
async function servePages(own: ReadonlyMap<string, string>): Promise<number> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const type = pathname.endsWith('.js') ? 'text/javascript' : 'text/html'
    response.writeHead(200, { 'Content-Type': `${type}; charset=utf-8` })
    response.end(own.get(pathname) ?? '<!doctype html><title>Empty</title><p>Nothing')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

async function isReady(url: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const answer = await fetch(url, { signal }).catch(() => undefined)
    if (answer?.ok) return
    if (answer || signal.aborted) throw new Error(`${url} does not answer as it should`)
    await pause(POLL_MS)
  }
}
