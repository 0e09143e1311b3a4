/** This file is the pending authorization: what we remember between `/connect` and `/callback`, in the browser itself. */

import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { sha256, timingSafeEqual } from '../crypto/digest.ts'
import { open, seal } from '../crypto/seal.ts'
import { type Cookies, clearedCookie, PENDING_COOKIE_PREFIX, pendingCookie } from './cookies.ts'
import type { AuthorizationRequest, UserIdentifier } from './tokens.ts'

/** A user who began is expected back within this time (TMB-04). */
export const PENDING_SECONDS = 10 * 60

/** All pending authorizations of a browser fit into so many bytes of its `Cookie` header; the oldest give way (TMB-34). */
const MAX_PENDING_BYTES = 3200

/** A header with more of them than this is not ours; the rest is not even opened. */
const MAX_OPENED = 8

/** Everything the callback needs, sealed into a cookie of the browser that began; no storage takes part. */
export interface PendingAuthorization {
  /** RFC 6749 §4.1.1. */
  state: string
  /** OpenID Connect Core §3.1.2.1. */
  nonce: string
  /** RFC 7636 §4.1. */
  code_verifier: string
  client: string
  bundle: string
  /** An absolute URL, checked when the flow began; the callback never reads a destination from its own request (TMB-68). */
  return_to: string
  display: 'page' | 'popup'
  /** OAuth mode: what the code will be bound to; its redirect URI is `return_to`. */
  authorization?: Pick<AuthorizationRequest, 'state' | 'code_challenge' | 'dpop_jkt'> & {
    /** Pushed for this user, who alone may redeem the code. */
    app_user?: UserIdentifier
  }
  /** Begun with a session: only while that session lives may it be finished, and only by the same subject (TMB-15). */
  session?: { family_id: string; subject: string }
  /** Whether `prompt=consent` was sent, and so a missing refresh token is final. */
  consent_prompted: boolean
  /** NumericDate with a fraction. */
  iat: number
}

/**
 * Seals a pending authorization for the browser that begins it.
 *
 * @returns the `Set-Cookie` values: its own, and the removal of the oldest where there are too many
 */
export async function sealPending(
  config: Config,
  pending: PendingAuthorization,
  cookies: Cookies,
): Promise<string[]> {
  const name = await cookieName(pending.state)
  const sealed = await seal(config.keyring, { type: 'pending', at: name }, pending)
  const own = pendingCookie(name, sealed, PENDING_SECONDS)
  return [...(await surplus(config, cookies, own.length)).map(clearedCookie), own]
}

/**
 * Finds the pending authorization of a `state` in the browser that came back.
 *
 * @returns it with the name of its cookie; `undefined` when this browser began nothing of that state, or
 *   longer ago than ten minutes (TMB-04, TMB-10)
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

/**
 * Binds the other pending authorizations of a client that began without a session to the one that has begun
 * since, so that none of them can replace its user unnoticed (TMB-28, TMB-32).
 *
 * The session's own cookie is `Strict` and does not come along on the way back from Google.
 *
 * @returns their new `Set-Cookie` values
 */
export async function bindPending(
  config: Config,
  cookies: Cookies,
  finished: string,
  client: string,
  session: NonNullable<PendingAuthorization['session']>,
): Promise<string[]> {
  const names = cookies.names.filter((name) => name.startsWith(PENDING_COOKIE_PREFIX))
  const others = names.filter((name) => name !== finished).slice(0, MAX_OPENED)
  const bound = others.map(async (name) => {
    const pending = await openNamed(config, name, cookies)
    if (!pending || pending.session || pending.client !== client) return []
    const place = { type: 'pending', at: name } as const
    const sealed = await seal(config.keyring, place, { ...pending, session })
    return [pendingCookie(name, sealed, Math.ceil(pending.iat + PENDING_SECONDS - now()))]
  })
  const unread = names.filter((name) => name !== finished).slice(MAX_OPENED)
  return [...(await Promise.all(bound)).flat(), ...unread.map(clearedCookie)]
}

async function openNamed(
  config: Config,
  name: string,
  cookies: Cookies,
): Promise<PendingAuthorization | undefined> {
  const sealed = cookies.get(name)
  if (!sealed) return undefined
  const pending = (await open(config.keyring, { type: 'pending', at: name }, sealed)) as
    | PendingAuthorization
    | undefined
  return pending && now() < pending.iat + PENDING_SECONDS ? pending : undefined
}

/** The cookies that have to go so that one more of `bytes` fits: what does not open, then the oldest. */
async function surplus(config: Config, cookies: Cookies, bytes: number): Promise<string[]> {
  const names = cookies.names.filter((name) => name.startsWith(PENDING_COOKIE_PREFIX))
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

async function cookieName(state: string): Promise<string> {
  return PENDING_COOKIE_PREFIX + (await sha256(state)).slice(0, 16)
}
