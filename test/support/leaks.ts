/** The hunt for leaks: collects every secret of a test and every text that leaves the broker, and compares them. */

import { env } from 'cloudflare:workers'
import { vi } from 'vitest'
import type { Subject } from '../../src/subject/subject.ts'
import { intercept } from './internet.ts'
import { dumpKv, dumpObject, isHostile } from './story.ts'
import { witnessAll } from './worker.ts'

/** The kinds of secrets. */
export type Kind =
  | `google ${'access token' | 'refresh token' | 'id token' | 'code' | 'state' | 'verifier'}`
  | ('client secret' | 'key' | 'cookie' | 'credential' | 'proof' | 'code' | 'verifier')
  | ('broker token' | 'request_uri' | 'ticket' | 'media URL' | 'user')

/** The kinds that may appear in each sink. Anything else is a leak. */
const ALLOWED = {
  log: [],
  error: [],
  page: ['code', 'request_uri'], // the message of `web_message`; the link of the page that asks first
  'redirect to Google': ['google state', 'user'], // the user in `login_hint`
  'redirect back': ['code'],
  answer: ['google access token', 'broker token', 'request_uri', 'ticket', 'user'],
  cookie: ['cookie'],
  header: [],
  storage: [],
  'outbound URL': ['media URL'],
} as const satisfies Record<string, readonly Kind[]>

/** A place that a text reaches. */
export type Sink = keyof typeof ALLOWED

const isAllowed = (sink: Sink, kind: Kind): boolean =>
  (ALLOWED[sink] as readonly Kind[]).includes(kind)

/** A secret in a sink where it is not allowed. */
export interface Leak {
  kind: Kind
  sink: Sink
  /** The place: a route with its status, the level of a log line, or the key of a record. */
  at: string
}

/** The hunt. */
export interface Hunt {
  /** Adds secrets. */
  keep(kind: Kind, ...texts: (string | null | undefined)[]): void
  /** @returns the number of secrets of a kind */
  count(kind: Kind): number
  /** @returns the number of texts in a sink */
  seen(sink: Sink): number
  /** Adds the current content of the storage as texts. */
  lookAtStorage(...stubs: DurableObjectStub<Subject>[]): Promise<void>
  /** @returns every leak so far */
  leaks(): Leak[]
}

type Members = readonly (readonly [string, Kind])[]

const FROM_GOOGLE: Members = [
  ['access_token', 'google access token'],
  ['refresh_token', 'google refresh token'],
  ['id_token', 'google id token'],
]

const TO_GOOGLE: Members = [
  ['code', 'google code'],
  ['code_verifier', 'google verifier'],
  ['client_secret', 'client secret'],
  ['refresh_token', 'google refresh token'],
  ['token', 'google refresh token'],
]

const TO_BROKER: Members = [
  ['code', 'code'],
  ['code_verifier', 'verifier'],
  ['refresh_token', 'broker token'],
  ['subject_token', 'credential'],
]

type Keep = Hunt['keep']
type Put = (sink: Sink, at: string, text: string) => void

/** Starts the hunt; hosts and interceptors of the fake internet stay. */
export function hunt(): Hunt {
  const secrets = new Map<string, Kind>()
  const places: { sink: Sink; at: string; text: string }[] = []
  const keep: Keep = (kind, ...texts) => {
    for (const text of texts) {
      // Too short to be significant; or it contains a known secret.
      if (!text || text.length < 8) continue
      if (![...secrets.keys()].some((known) => text.includes(known))) secrets.set(text, kind)
    }
  }
  const put = (sink: Sink, at: string, text: string): void => void places.push({ sink, at, text })
  const { GOOGLE_CLIENT_SECRET, ENCRYPTION_KEYS, PSEUDONYM_KEY } = env
  keep('client secret', GOOGLE_CLIENT_SECRET)
  keep('key', PSEUDONYM_KEY, ...ENCRYPTION_KEYS.split(',').map((key) => key.split(':')[1]))

  for (const level of ['debug', 'log', 'info', 'warn', 'error', 'trace'] as const)
    vi.spyOn(console, level).mockImplementation((...line: unknown[]) =>
      put('log', level, line.map(String).join(' ')),
    )
  watchGoogle(keep, put)
  witnessAll(async (request, answer) => {
    await keepRequest(keep, request)
    await keepAnswer(keep, put, request, answer)
  })

  return {
    keep,
    count: (kind) => [...secrets.values()].filter((one) => one === kind).length,
    seen: (sink) => places.filter((place) => place.sink === sink).length,
    async lookAtStorage(...stubs) {
      for (const [key, value] of await dumpKv()) put('storage', `KV ${key}`, `${key} ${value}`)
      if (!isHostile) put('storage', 'KV metadata', JSON.stringify((await env.TOKENS.list()).keys))
      for (const stub of stubs) put('storage', 'object', await dumpObject(stub))
    },
    leaks: () =>
      places.flatMap(({ sink, at, text }) => {
        const readable = readings(text)
        return [...secrets].flatMap(([secret, kind]) =>
          readable.includes(secret) && !isAllowed(sink, kind) ? [{ kind, sink, at }] : [],
        )
      }),
  }
}

/** Collects what is sent to Google and what Google answers. */
function watchGoogle(keep: Keep, put: Put): void {
  intercept(async (request, next) => {
    put('outbound URL', new URL(request.url).origin, request.url)
    const { method, headers, url, signal, redirect } = request
    const sent = await textOf(request)
    const fields = new URLSearchParams(sent)
    for (const [name, kind] of TO_GOOGLE) keep(kind, fields.get(name))
    const sentBody = method === 'GET' || method === 'HEAD' ? null : sent
    const answer = await next(
      new Request(url, { method, headers, signal, body: sentBody, redirect }),
    )
    const body = await readJson(answer)
    for (const [name, kind] of FROM_GOOGLE) if (body) keep(kind, body[name] as string | undefined)
    return answer
  })
}

/** Collects the secrets of a request to the broker. */
async function keepRequest(keep: Keep, request: Request): Promise<void> {
  const { headers, url } = request
  for (const pair of (headers.get('Cookie') ?? '').split('; '))
    keep('cookie', pair.slice(pair.indexOf('=') + 1))
  keep('proof', headers.get('DPoP'))
  const [scheme, credential] = (headers.get('Authorization') ?? '').split(' ')
  keep(scheme === 'Bearer' ? 'credential' : 'broker token', credential)
  const { pathname, searchParams } = new URL(url)
  if (pathname.endsWith('/callback')) {
    keep('google code', searchParams.get('code'))
    keep('google state', searchParams.get('state'))
  }
  const text = await textOf(request)
  if (pathname.endsWith('/media')) keep('media URL', ...(text.match(/https:[^"]+/g) ?? []))
  if (!headers.get('Content-Type')?.includes('form')) return
  const form = new URLSearchParams(text)
  for (const [name, kind] of TO_BROKER) keep(kind, form.get(name))
}

/** Collects the secrets of an answer, and puts each part into its sink. */
async function keepAnswer(
  keep: Keep,
  put: Put,
  { method, url }: Request,
  answer: Response,
): Promise<void> {
  const at = `${method} ${new URL(url).pathname.slice(0, 24)} ${answer.status}`
  const body = await readJson(answer)
  const location = answer.headers.get('Location')
  const to = location === null ? undefined : new URL(location, url).searchParams
  keep(
    to?.has('client_id') ? 'google state' : 'code',
    to?.get(to.has('client_id') ? 'state' : 'code'),
  )
  for (const line of answer.headers.getSetCookie())
    keep('cookie', line.slice(line.indexOf('=') + 1).split(';')[0])
  if (body && answer.ok) {
    keep('broker token', body['refresh_token'] as string | undefined)
    if (body['token_type'] === 'DPoP') keep('broker token', body['access_token'] as string)
    keep('request_uri', (body['request_uri'] as string | undefined)?.split(':').at(-1))
    for (const { url } of (body['media'] as { url?: string }[] | undefined) ?? [])
      keep('ticket', url?.split('=')[1])
  }
  if (location !== null)
    put(to?.has('client_id') ? 'redirect to Google' : 'redirect back', at, location)
  for (const line of answer.headers.getSetCookie()) put('cookie', at, line)
  const others = [...answer.headers].filter(([name]) => !/^(location|set-cookie)$/.test(name))
  put('header', at, others.map((header) => header.join(': ')).join('\n'))
  const type = answer.headers.get('Content-Type') ?? ''
  if (!/^(image|video)/.test(type))
    put(sinkOf(answer.status, type), at, await textOf(answer.clone()))
}

function sinkOf(status: number, type: string): Sink {
  if (status >= 400) return 'error'
  return type.startsWith('text/html') ? 'page' : 'answer'
}

/** Reads a body; `text()` would make workerd warn about its type. */
async function textOf(message: Request | Response): Promise<string> {
  return new TextDecoder().decode(await message.arrayBuffer())
}

async function readJson(answer: Response): Promise<Record<string, unknown> | undefined> {
  try {
    return (await answer.clone().json()) as Record<string, unknown>
  } catch {
    return undefined
  }
}

/** @returns a text as it is, with percent-encoding decoded, and with base64 decoded, such as the payload of a JWT */
function readings(text: string): string {
  const decoded = [...text.matchAll(/[\w+/-]{12,}/g)].map(([part]) => {
    try {
      return atob(part.replaceAll('-', '+').replaceAll('_', '/'))
    } catch {
      return ''
    }
  })
  return [text, percentDecoded(text), ...decoded].join('\n')
}

function percentDecoded(text: string): string {
  return text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (escaped) => {
    try {
      return decodeURIComponent(escaped)
    } catch {
      return escaped
    }
  })
}
