/** A Google with scripted answers, for failures that the simulator's pages do not produce. */

import { createHold, type Hold } from './hold.ts'
import { register } from './internet.ts'

/** A request that reached Google. */
export interface Call {
  url: URL
  body: URLSearchParams
  headers: Headers
}

/** The scripted provider. */
export interface ScriptedGoogle {
  /** Requests to the token endpoint. */
  readonly refreshes: Call[]
  /** Requests to the revocation endpoint. */
  readonly revocations: Call[]
  /** Answers of the token endpoint: a new `Response` for each call. */
  token: (call: Call) => Response | Promise<Response>
  /** Answers of the revocation endpoint. */
  revoke: (call: Call) => Response | Promise<Response>
  /** Holds every answer of the token endpoint until it is released. */
  hold(): Pick<Hold, 'arrived' | 'release'>
}

const ORIGIN = 'https://google.example'

/** Answers a refresh like Google: another token of exactly the requested scope. */
export function refreshed(call: Call, more: object = {}): Response {
  return Response.json({
    access_token: `canary-refreshed-${crypto.randomUUID()}`,
    expires_in: 3599,
    scope: call.body.get('scope'),
    token_type: 'Bearer',
    ...more,
  })
}

/** Answers an OAuth error; RFC 6749 §5.2. */
export function oauthError(status: number, error: string, more: object = {}): Response {
  return Response.json({ error, error_description: 'canary-description', ...more }, { status })
}

/** Registers a scripted Google; `metadata` is added to its discovery document. */
export function scriptGoogle(metadata: object = {}): ScriptedGoogle {
  const google: ScriptedGoogle = {
    refreshes: [],
    revocations: [],
    token: (call) => refreshed(call),
    revoke: () => new Response(null, { status: 200 }),
    hold() {
      const answer = google.token
      const hold = createHold()
      google.token = async (call) => {
        await hold.pass()
        return answer(call)
      }
      return hold
    },
  }
  register(ORIGIN, async (request) => {
    const url = new URL(request.url)
    if (url.pathname === '/.well-known/openid-configuration') return discovery(metadata)
    const call = {
      url,
      headers: request.headers,
      body: new URLSearchParams(new TextDecoder().decode(await request.arrayBuffer())),
    }
    if (url.pathname === '/token') {
      google.refreshes.push(call)
      const answer = await google.token(call)
      const to = answer.headers.get('Location')
      return request.redirect === 'follow' && to !== null ? fetch(to) : answer
    }
    if (url.pathname === '/revoke') {
      google.revocations.push(call)
      return google.revoke(call)
    }
    throw new TypeError(`nothing at ${url.pathname}`)
  })
  return google
}

function discovery(metadata: object): Response {
  return Response.json({
    issuer: ORIGIN,
    authorization_endpoint: `${ORIGIN}/auth`,
    token_endpoint: `${ORIGIN}/token`,
    revocation_endpoint: `${ORIGIN}/revoke`,
    jwks_uri: `${ORIGIN}/certs`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    ...metadata,
  })
}
