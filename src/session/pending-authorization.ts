/** The pending authorization: the state between `/connect` or `/authorize` and `/callback`, sealed into a cookie of the browser. */

import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { sha256, timingSafeEqual } from '../crypto/digest.ts'
import { open, type RecordKind, seal } from '../crypto/seal.ts'
import { type Cookies, clearedCookie, PENDING_COOKIE_PREFIX, setCookie } from './cookies.ts'
import type { AuthorizationRequest, UserIdentifier } from './tokens.ts'

/** How long a pending authorization can be finished, in seconds (TMB-04). */
export const PENDING_SECONDS = 10 * 60

/** How many bytes of a `Cookie` header all pending authorizations may take; the oldest are removed (TMB-34). */
const MAX_PENDING_BYTES = 3200

/** How many pending authorizations of a browser are opened. We never set more, so the rest are not ours. */
const MAX_OPENED = 8

/** What an authorization code will be bound to; its redirect URI is the `return_to`. */
export interface AuthorizationBinding
  extends Pick<AuthorizationRequest, 'response_mode' | 'state' | 'code_challenge' | 'dpop_jkt'> {
  /** The user who pushed the request; only this user may redeem the code. */
  app_user?: UserIdentifier | undefined
  /** The only account that may consent, if the client named one by its `sub`. */
  account?: string | undefined
}

/** All that the callback needs. It is sealed into a cookie of the browser that began; no storage is used. */
export interface PendingAuthorization {
  /** RFC 6749 §4.1.1. */
  state: string
  /** OpenID Connect Core §3.1.2.1. */
  nonce: string
  /** RFC 7636 §4.1. */
  code_verifier: string
  client: string
  bundle: string
  /** An absolute URL, checked at the start; the callback takes no destination from its own request (TMB-68). */
  return_to: string
  display: 'page' | 'popup'
  /** In OAuth mode only. */
  authorization?: AuthorizationBinding | undefined
  /** The session that began. Only its subject may finish, and only while the session is live (TMB-15). */
  session?: { family_id: string; subject: string } | undefined
  /** Whether `prompt=consent` was sent; then a missing refresh token is final. */
  consent_prompted: boolean
  /** NumericDate with a fraction. */
  iat: number
}

const PENDING: RecordKind<PendingAuthorization> = {
  type: 'pending',
  purpose: 'cookie',
  expiresAt: ({ iat }) => iat + PENDING_SECONDS,
}

/** What is left of a finished authorization, in the same cookie: where its user came from. */
interface FinishedAuthorization {
  return_to: string
  exp: number
}

const FINISHED: RecordKind<FinishedAuthorization> = {
  type: 'finished',
  purpose: 'cookie',
  expiresAt: ({ exp }) => exp,
}

/**
 * Seals a pending authorization for the browser that begins it.
 *
 * @returns the `Set-Cookie` values: its own, and the removal of the oldest ones if there are too many
 */
export async function sealPending(
  config: Config,
  pending: PendingAuthorization,
  cookies: Cookies,
): Promise<string[]> {
  const own = await cookieOf(config, await cookieName(pending.state), pending)
  const removed = await surplus(config, cookies, own.length)
  return [...removed.map((name) => clearedCookie(config, name)), own]
}

/**
 * Finds the pending authorization of a `state` in the cookies of the browser that came back.
 *
 * @returns it with the name of its cookie; `undefined` if this browser began none with that state, or more than ten
 *   minutes ago (TMB-04, TMB-10)
 */
export async function openPending(
  config: Config,
  state: string,
  cookies: Cookies,
): Promise<{ pending: PendingAuthorization; cookie: string } | undefined> {
  const cookie = await cookieName(state)
  const pending = await openNamed(config, cookie, cookies)
  return pending && timingSafeEqual(pending.state, state) ? { pending, cookie } : undefined
}

/** Seals what is left of an authorization that was finished. @returns the `Set-Cookie` value */
export async function sealFinished(
  config: Config,
  cookie: string,
  { return_to, iat }: PendingAuthorization,
): Promise<string> {
  const exp = iat + PENDING_SECONDS
  const sealed = await seal(config.keyring, { kind: FINISHED, at: cookie }, { return_to, exp })
  return setCookie(config, cookie, sealed, Math.ceil(exp - now()))
}

/** Finds out whether the authorization of a `state` was finished in this browser. @returns where it began */
export async function openFinished(
  { keyring }: Config,
  state: string,
  cookies: Cookies,
): Promise<string | undefined> {
  const at = await cookieName(state)
  const finished = await open(keyring, { kind: FINISHED, at }, cookies.get(at) ?? '', now())
  return finished?.return_to
}

/**
 * Binds the other pending authorizations of a client, which began without a session, to the session that has begun
 * now: none of them can then replace its user silently (TMB-28, TMB-32).
 *
 * `/callback` cannot see the session cookie: it is `Strict`, so the redirect from Google comes without it. Therefore the
 * other pending cookies are rewritten with the session in them.
 *
 * @param finished the cookie name of the pending authorization that is finished now
 * @returns the new `Set-Cookie` values
 */
export async function bindPending(
  config: Config,
  cookies: Cookies,
  finished: string,
  client: string,
  session: NonNullable<PendingAuthorization['session']>,
): Promise<string[]> {
  const others = pendingNames(cookies).filter((name) => name !== finished)
  const bound = others.slice(0, MAX_OPENED).map(async (name) => {
    const pending = await openNamed(config, name, cookies)
    const isUnbound = pending && !pending.session && pending.client === client
    return isUnbound ? [await cookieOf(config, name, { ...pending, session })] : []
  })
  const removed = others.slice(MAX_OPENED).map((name) => clearedCookie(config, name))
  return [...(await Promise.all(bound)).flat(), ...removed]
}

async function openNamed(
  { keyring }: Config,
  at: string,
  cookies: Cookies,
): Promise<PendingAuthorization | undefined> {
  const sealed = cookies.get(at)
  return sealed ? open(keyring, { kind: PENDING, at }, sealed, now()) : undefined
}

async function cookieOf(
  config: Config,
  at: string,
  pending: PendingAuthorization,
): Promise<string> {
  const sealed = await seal(config.keyring, { kind: PENDING, at }, pending)
  return setCookie(config, at, sealed, Math.ceil(pending.iat + PENDING_SECONDS - now()))
}

/** Names the cookies to remove so that one more of `bytes` fits: those that do not open, then the oldest. */
async function surplus(config: Config, cookies: Cookies, bytes: number): Promise<string[]> {
  const names = pendingNames(cookies)
  const opened = names.slice(0, MAX_OPENED).map(async (name) => {
    const pending = await openNamed(config, name, cookies)
    return { name, iat: pending?.iat ?? 0, bytes: name.length + (cookies.get(name)?.length ?? 0) }
  })
  const newestFirst = (await Promise.all(opened)).sort((a, b) => b.iat - a.iat)
  let room = MAX_PENDING_BYTES - bytes
  const surplus = newestFirst.filter((cookie) => {
    room -= cookie.bytes
    return cookie.iat === 0 || room < 0
  })
  return [...surplus.map(({ name }) => name), ...names.slice(MAX_OPENED)]
}

function pendingNames(cookies: Cookies): string[] {
  return cookies.names.filter((name) => name.startsWith(PENDING_COOKIE_PREFIX))
}

async function cookieName(state: string): Promise<string> {
  return PENDING_COOKIE_PREFIX + (await sha256(state)).slice(0, 16)
}
