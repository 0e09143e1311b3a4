/** A Google whose answers a test scripts: for failures and orders of events that no consent page leads to. */

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
  /** How the token endpoint answers; a fresh `Response` for every call. */
  token: (call: Call) => Response | Promise<Response>
  /** How the revocation endpoint answers. */
  revoke: (call: Call) => Response | Promise<Response>
  /** Holds every answer of the token endpoint until it is released; waits for a request to arrive. */
  hold(): Pick<Hold, 'arrived' | 'release'>
}

const ORIGIN = 'https://google.example'

/** Answers a refresh as Google does: another token, of exactly the scope that was asked for. */
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
