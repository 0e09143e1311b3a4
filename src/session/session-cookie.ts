/** This file is the session: the sealed handle in a browser's cookie that says whose it is. */

import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { open, seal } from '../crypto/seal.ts'
import { type Cookies, SESSION_COOKIE_PREFIX, sessionCookie } from './cookies.ts'

/**
 * What the cookie holds, sealed. The subject's Durable Object knows the same `id` and says whether it lives;
 * storage never holds anything that could be used as a cookie (TMB-31).
 */
export interface Session {
  /** Random, 128 bits. */
  id: string
  client: string
  /** The user at the provider; OpenID Connect Core §2. */
  sub: string
  /** The pseudonym of (client, issuer, sub) that storage knows the user by. */
  subject: string
  /** NumericDate at which it ends whatever happens. */
  exp: number
}

/** Reads a client's session off a request's cookies; `undefined` for none, a forged, an expired or a doubled one. */
export async function openSession(
  config: Config,
  client: string,
  cookies: Cookies,
): Promise<Session | undefined> {
  const name = SESSION_COOKIE_PREFIX + client
  const sealed = cookies.get(name)
  if (!sealed) return undefined
  const session = (await open(config.keyring, { type: 'session', at: name }, sealed)) as
    | Session
    | undefined
  return session && session.exp > now() ? session : undefined
}

/** Seals a session into its `Set-Cookie` value. */
export async function sealSession(config: Config, session: Session): Promise<string> {
  const name = SESSION_COOKIE_PREFIX + session.client
  const sealed = await seal(config.keyring, { type: 'session', at: name }, session)
  return sessionCookie(name, sealed, Math.floor(session.exp - now()))
}
