/** The session cookie of a client: a sealed record that names the session and its subject. */

import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { open, type Place, seal } from '../crypto/seal.ts'
import { type Cookies, SESSION_COOKIE_PREFIX, setCookie } from './cookies.ts'

/**
 * The content of the cookie. The subject's Durable Object stores the same `id` and knows whether the session is live.
 * Storage never holds a value that could be used as a cookie (TMB-31).
 */
export interface Session {
  /** Random, 128 bits. */
  id: string
  client: string
  /** The user at the provider; OpenID Connect Core §2. */
  sub: string
  /** The subject key: the pseudonym of (client, issuer, sub). */
  subject: string
  /** NumericDate at which the session ends in any case. */
  exp: number
}

const placeOf = (client: string): Place<Session> => ({
  kind: { type: 'session', purpose: 'cookie', expiresAt: ({ exp }) => exp },
  at: SESSION_COOKIE_PREFIX + client,
})

/** Opens the session of a client; `undefined` if the cookie is missing, forged, expired, or came twice. */
export async function openSession(
  { keyring }: Config,
  client: string,
  cookies: Cookies,
): Promise<Session | undefined> {
  const place = placeOf(client)
  const sealed = cookies.get(place.at)
  return sealed ? open(keyring, place, sealed, now()) : undefined
}

/** Seals a session. @returns the `Set-Cookie` value */
export async function sealSession(config: Config, session: Session): Promise<string> {
  const place = placeOf(session.client)
  const sealed = await seal(config.keyring, place, session)
  return setCookie(config, place.at, sealed, Math.floor(session.exp - now()))
}
