/** The interface through which the tests use either OAuth library. */

import type { TokenEndpointResponse } from 'oauth4webapi'

/** The settings of a frontend. */
export interface Settings {
  issuer: string
  client_id: string
  redirect_uri: string
  /** How requests reach the broker. */
  fetch: LibraryFetch
  /** The JWT of the app's user, sent in place of client authentication. */
  jwt?: string | undefined
}

/** A library. */
export interface OAuthLibrary {
  name: string
  /** Discovers the broker, and makes a DPoP key. */
  open(settings: Settings): Promise<OAuthClient>
}

/** A consent that has begun: what the frontend stores until its user returns. */
export interface Begun {
  url: URL
  state: string
  code_verifier: string
}

/** A client of the broker with one DPoP key. */
export interface OAuthClient {
  /** The broker's metadata, as the library parsed it. */
  readonly metadata: { readonly issuer: string; readonly [name: string]: unknown }
  /** Makes the URL of an authorization request; RFC 6749 §4.1.1, with PKCE and `dpop_jkt`. */
  begin(scope: string): Promise<Begun>
  /** Makes it by pushing the request first; RFC 9126. */
  push(scope: string): Promise<Begun>
  /** Checks `state` and `iss`, and redeems the code; RFC 6749 §4.1.3, RFC 9207 §2.4. */
  redeem(begun: Begun, back: URL): Promise<TokenEndpointResponse>
  /** RFC 6749 §6. */
  refresh(
    refresh_token: string,
    scope: string,
    more?: Record<string, string>,
  ): Promise<TokenEndpointResponse>
  /** RFC 8693. */
  exchange(jwt: string, scope: string): Promise<TokenEndpointResponse>
  /** Calls a protected resource with a DPoP proof; without one when the token is a JWT of the app's. */
  call(access_token: string, method: string, url: string, isBearer?: boolean): Promise<Response>
  /** RFC 7009. */
  revoke(token: string): Promise<void>
}

/** The type of `fetch` that both libraries accept. */
type LibraryFetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: unknown },
) => Promise<Response>

/** The grant type of RFC 8693 §2.1. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** The token type of a JWT; RFC 8693 §3. */
export const JWT = 'urn:ietf:params:oauth:token-type:jwt'

/** Makes a `fetch` that records each request with its status. */
export function recordingFetch(): { fetch: LibraryFetch; wire: string[] } {
  const wire: string[] = []
  return {
    wire,
    async fetch(url, { method, headers, body }) {
      const init = {
        method,
        headers,
        body: (body ?? null) as BodyInit | null,
        redirect: 'manual' as const,
      }
      const response = await fetch(url, init)
      wire.push(`${method} ${new URL(url).pathname} ${response.status}`)
      return response
    },
  }
}
