/** The app: its route table, and the one place where a thrown error becomes a response. */

import type { MiddlewareHandler, Next } from 'hono'
import { HonoBase as Hono } from 'hono/hono-base'
import { LinearRouter } from 'hono/router/linear-router'
import type { ClientMode } from './config/clients.ts'
import { configOf } from './config/config.ts'
import { BrokerError, failureOf, toErrorResponse } from './errors.ts'
import { receiveEvent } from './events/receive.ts'
import { browserModule } from './routes/browser-modules.ts'
import { callback } from './routes/callback.ts'
import { connect } from './routes/connect.ts'
import { disconnect, forgetGrant } from './routes/disconnect.ts'
import { cors } from './routes/guards/cors.ts'
import {
  auditFailure,
  type BrokerContext,
  type BrokerEnv,
  setAuditFields,
  startAudit,
} from './routes/http/context.ts'
import { setDefaultHeaders } from './routes/http/headers.ts'
import { errorPage, homePage } from './routes/http/pages.ts'
import { MAX_URL_LENGTH } from './routes/http/read-request.ts'
import { startTimings } from './routes/http/timings.ts'
import { preflightMedia, relayMedia } from './routes/media-bytes.ts'
import { issueTickets } from './routes/media-tickets.ts'
import { authorize } from './routes/oauth/authorize.ts'
import { METADATA_PATH, metadata, OPENID_METADATA_PATH } from './routes/oauth/metadata.ts'
import { pushRequest } from './routes/oauth/par.ts'
import { revoke } from './routes/oauth/revoke.ts'
import { token } from './routes/oauth/token.ts'
import { healthz, listBundles } from './routes/public.ts'
import { describeSession, endSession } from './routes/session.ts'
import { sessionToken } from './routes/session-token.ts'

type Method = 'GET' | 'POST' | 'DELETE' | 'OPTIONS'
type Methods = Partial<Record<Method, (c: BrokerContext) => Response | Promise<Response>>>

/** Public endpoints; they answer `HEAD` too. */
const PUBLIC: Record<string, Methods> = {
  '/bundles': { GET: listBundles },
  '/healthz': { GET: healthz },
}

/**
 * What pages of any origin may read or load; `/media` asks for a ticket, and decides by it who may read. They answer
 * `HEAD` too.
 */
const EMBEDDED: Record<string, Methods> = {
  [METADATA_PATH]: { GET: metadata },
  [OPENID_METADATA_PATH]: { GET: metadata },
  '/client.js': { GET: browserModule },
  '/photos.js': { GET: browserModule },
  '/picker.js': { GET: browserModule },
  '/media': { GET: relayMedia, OPTIONS: preflightMedia },
}

/** Top-level navigations: a user sees the response. */
const NAVIGATIONS: Record<string, Methods> = {
  '/': { GET: homePage },
  '/connect': { GET: connect },
  '/authorize': { GET: authorize },
  '/callback': { GET: callback },
}

/** Calls of an OAuth library. */
const OAUTH_MODE: Record<string, Methods> = {
  '/token': { POST: token },
  '/par': { POST: pushRequest },
  '/revoke': { POST: revoke },
}

/** Calls of both modes, each with its own credential. */
const BOTH_MODES: Record<string, Methods> = {
  '/session': { GET: describeSession, DELETE: endSession },
  '/grants': { DELETE: disconnect },
  '/grants/:bundle': { DELETE: forgetGrant },
  '/media': { POST: issueTickets },
}

/** Paths that are not navigated to, with the modes of the clients whose scripts may call them. */
const CALLS: readonly (readonly [Record<string, Methods>, readonly ClientMode[]])[] = [
  [PUBLIC, ['cookie', 'oauth']],
  [{ '/session/token': { POST: sessionToken } }, ['cookie']],
  [OAUTH_MODE, ['oauth']],
  [BOTH_MODES, ['cookie', 'oauth']],
  [{ '/events': { POST: receiveEvent } }, []], // of the provider, not of a browser
]

/** The reason of the error for a faulty configuration. */
const CONFIGURATION_FAULTY = 'configuration_faulty'

const app = createApp()

/** Answers a request to the broker. */
export async function handle(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const response = await app.fetch(request, env, ctx)
  const config = configOf(env)
  setDefaultHeaders(response.headers, !(config instanceof TypeError) && config.is_loopback)
  return response
}

function createApp(): Hono<BrokerEnv> {
  const app = new Hono<BrokerEnv>({ getPath: pathBelowBase, router: new LinearRouter() })
  app.onError(toResponse)
  app.notFound(() => {
    throw new BrokerError('path_unknown')
  })
  app.use(prepare)
  for (const [routes, modes] of CALLS) {
    for (const [path, methods] of Object.entries(routes)) {
      app.use(path, corsOfCalls(Object.keys(methods), modes))
      if (routes !== PUBLIC) app.use(path, serverTiming)
      addRoute(app, path, { ...EMBEDDED[path], ...methods })
    }
  }
  for (const [path, methods] of Object.entries({ ...NAVIGATIONS, ...EMBEDDED }))
    addRoute(app, path, methods)
  return app
}

/** The CORS of calls. What is embedded from the same path has its own: it is no call of a client. */
function corsOfCalls(...rules: Parameters<typeof cors>): MiddlewareHandler<BrokerEnv> {
  const guard = cors(...rules)
  return async (c, next) => (isEmbedded(c) ? next() : guard(c, next))
}

/** Whether a request, or the one that a preflight is for, is to an endpoint that pages embed. */
function isEmbedded(c: BrokerContext): boolean {
  const { method } = c.req.raw
  const asked = method === 'OPTIONS' ? c.req.header('Access-Control-Request-Method') : method
  return c.req.path in EMBEDDED && (asked === 'GET' || asked === 'HEAD')
}

/** Checks every request first: the configuration, the URL length, the host (TMB-73, TMB-81, TMB-83). */
async function prepare(c: BrokerContext, next: Next): Promise<Response | undefined> {
  const request_id = requestId(c)
  c.set('request_id', request_id)
  c.set('timings', startTimings())
  startAudit(c, request_id)
  const config = configOf(c.env)
  if (config instanceof TypeError) {
    setAuditFields(c, { problems: config.cause as string[] })
    const more = { retry_after: 60, cause: config }
    throw new BrokerError(CONFIGURATION_FAULTY, more)
  }
  c.set('config', config)
  if (c.req.url.length > MAX_URL_LENGTH) throw new BrokerError('url_length')
  const [scheme, , host] = c.req.url.split('/', 3)
  if (host !== config.host) throw new BrokerError('host_unknown')
  if (scheme === 'http:' && config.base_url.startsWith('https:')) return toHttps(c)
  await next()
  return undefined
}

/** Sends a navigation over plain http to https, and refuses everything else: it may have carried a credential (TMB-83). */
function toHttps(c: BrokerContext): Response {
  if (!isNavigation(c)) throw new BrokerError('https_required')
  return c.redirect(c.req.url.replace('http:', 'https:'), 302)
}

async function serverTiming(c: BrokerContext, next: Next): Promise<void> {
  await next()
  c.res.headers.set('Server-Timing', c.get('timings').toHeader()) // `c.header` would copy the response
}

/** Adds the methods of a path, and 405 for all others; Hono alone would answer `HEAD` for every `GET` (TMB-14). */
function addRoute(app: Hono<BrokerEnv>, path: string, methods: Methods): void {
  const names = Object.keys(methods)
  const allowed = path in PUBLIC || path in EMBEDDED || path === '/' ? [...names, 'HEAD'] : names
  app.all(path, (c) => {
    const { method } = c.req.raw
    const handler = methods[(method === 'HEAD' ? 'GET' : method) as Method]
    if (handler && allowed.includes(method)) return handler(c)
    c.header('Allow', allowed.join(', '))
    throw new BrokerError('method_not_allowed')
  })
}

/** The one place where a thrown error becomes a response. */
function toResponse(error: Error, c: BrokerContext): Response | Promise<Response> {
  const failure = failureOf(error)
  const request_id = c.get('request_id')
  const { status, body, headers } = toErrorResponse(failure, request_id)
  auditFailure(c, error, { status })
  if (failure.code !== 'use_dpop_nonce') c.header('DPoP-Nonce', undefined) // libraries take it for the reason
  for (const [name, value] of Object.entries(headers)) c.header(name, value)
  if (failure.reason === CONFIGURATION_FAULTY && c.req.path.endsWith('/healthz'))
    return c.json({ status: 'error' }, 503)
  return isNavigation(c) ? errorPage(c, status, failure) : c.json(body, status as 400)
}

/** Whether a person sees the answer. */
function isNavigation(c: BrokerContext): boolean {
  return c.req.path in NAVIGATIONS && (c.req.header('Accept') ?? '').includes('text/html')
}

/**
 * Removes the path of `BASE_URL` from the path of a request; RFC 8414 §3.1 puts the metadata before that path. `/events`
 * is a path only where security events are received.
 */
function pathBelowBase(request: Request, options?: { env?: Env }): string {
  const [, pathname = ''] = PATH_OF_URL.exec(request.url) ?? []
  const known = options?.env && configOf(options.env)
  const config = known instanceof TypeError ? undefined : known
  const base = config?.base_path ?? ''
  if (pathname === base || pathname === `${base}/`) return '/'
  if (pathname.endsWith('/')) return NOWHERE
  if (pathname === METADATA_PATH + base) return METADATA_PATH
  if (pathname === OPENID_METADATA_PATH + base) return OPENID_METADATA_PATH
  if (pathname === `${base}/events` && !config?.security_events) return NOWHERE
  return pathname.startsWith(`${base}/`) ? pathname.slice(base.length) : NOWHERE
}

/** The path of a URL. The URL of a request is normalized already, so it is not parsed again. */
const PATH_OF_URL = /^[^/]*\/\/[^/]*([^?#]*)/

/** A path without a route, for paths with a slash at the end: the router would accept them (TMB-70). */
const NOWHERE = '/-'

/** Returns Cloudflare's id of the request if there is one, so that its logs and ours can be compared. */
function requestId(c: BrokerContext): string {
  const ray = c.req.header('CF-Ray')
  return ray !== undefined && /^[0-9a-f]{16}(-[A-Z]{3})?$/.test(ray) ? ray : crypto.randomUUID()
}
