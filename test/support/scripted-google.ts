/** This file is a Google that answers what a test says, when it says so: for failures and interleavings no consent page leads to. */

import { vi } from 'vitest'

/** A request that reached Google. */
export interface Call {
  url: URL
  body: URLSearchParams
  headers: Headers
}

/** The provider behind `globalThis.fetch`. */
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
  hold(): { arrived(): Promise<void>; release(): void }
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

/** Puts a scripted Google in the place of the network, which tells this of itself beside the usual; anything else nobody answers. */
export function scriptGoogle(metadata: object = {}): ScriptedGoogle {
  const google: ScriptedGoogle = {
    refreshes: [],
    revocations: [],
    token: (call) => refreshed(call),
    revoke: () => new Response(null, { status: 200 }),
    hold() {
      const answer = google.token
      const before = google.refreshes.length
      let isHeld = true
      google.token = async (call) => {
        await until(() => !isHeld)
        return answer(call)
      }
      return {
        arrived: async () => until(() => google.refreshes.length > before),
        release() {
          isHeld = false
        },
      }
    },
  }
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const request = new Request(input, init)
    const url = new URL(request.url)
    if (url.origin !== ORIGIN) throw new TypeError(`nobody answers at ${url.origin}`)
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
      return request.redirect === 'follow' && to !== null ? fetch(to, init) : answer
    }
    if (url.pathname === '/revoke') {
      google.revocations.push(call)
      return google.revoke(call)
    }
    throw new TypeError(`nothing at ${url.pathname}`)
  })
  return google
}

/** Looks again and again: a promise of one request may not be settled by another in workerd. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1))
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
