/** This file is the hand-out: an access token of a bundle from KV where that will do, else from the subject's Durable Object. */

import { logError } from '../audit/log.ts'
import { now } from '../clock.ts'
import type { Bundle } from '../config/bundles.ts'
import { sha256 } from '../crypto/digest.ts'
import { BrokerError } from '../errors.ts'
import { isFresh, isWaning } from '../subject/grant.ts'
import { scopeSetKey } from '../subject/grants.ts'
import { readToken, type StoredToken, tokenKey } from '../subject/kv-records.ts'
import { touchAfter } from '../subject/sessions.ts'
import { askSubject } from '../subject/stub.ts'
import type { Ask, HandOut } from '../subject/token-issuer.ts'
import { limitHandOut } from './guards/limits.ts'
import { requireRunning } from './guards/lookup.ts'
import { type Claimant, inWordsFor } from './guards/principal.ts'
import { about, type BrokerContext, record } from './http/context.ts'

/** Seconds of life a token has at least, where the caller does not say. */
export const DEFAULT_MIN_TTL_SECONDS = 300
export const MAX_MIN_TTL_SECONDS = 1800

/** SHA-256, base64url, of an access token that Google refused. */
export const REJECTED = /^[A-Za-z0-9_-]{43}$/

/** What a caller may say of the token it wants. */
export interface Wish {
  min_ttl: number
  rejected?: string | undefined
}

/** An access token as it is answered with. */
export interface HandedOut {
  access_token: string
  /** Seconds of life left, understated. */
  expires_in: number
  /** Exactly the bundle's scopes, space-separated. */
  scope: string
}

/** Hands out an access token of a bundle that has `min_ttl` seconds of life left, as far as Google gives them. */
export async function handOut(
  c: BrokerContext,
  caller: Claimant,
  bundle: Bundle,
  { min_ttl, rejected }: Wish,
): Promise<HandedOut> {
  requireRunning(c.get('config'), caller.client, bundle.name)
  about(c, { bundle: bundle.name })
  await limitHandOut(c, caller.subject, bundle.name)
  const ask: Ask = {
    asker: caller.asker,
    scope: bundle.scopes.join(' '),
    min_ttl,
    missed_in_kv: c.get('config').consistency === 'edge',
    ...(rejected === undefined ? {} : { rejected }),
  }
  const key = tokenKey(caller.subject, await scopeSetKey(bundle.scopes))
  const token =
    (await fromEdge(c, ask, key, caller)) ?? (await fromSubject(c, ask, bundle.name, caller))
  return toAnswer(token)
}

/** Counts what life is left, for the answer. */
export function toAnswer({ access_token, scope, expires_at }: HandOut): HandedOut {
  const expires_in = Math.floor(expires_at - now())
  if (expires_in < 1) throw new BrokerError('temporarily_unavailable', 'token_expired')
  return { access_token, expires_in, scope }
}

/** Hands out what KV holds, if it is fresh and for this asker; with `strict` consistency KV is not asked at all. */
async function fromEdge(
  c: BrokerContext,
  ask: Ask,
  key: string,
  { subject }: Claimant,
): Promise<HandOut | undefined> {
  const [config, timings] = [c.get('config'), c.get('timings')]
  if (config.consistency === 'strict') return undefined
  const reading = readToken(c.env.TOKENS, config.keyring, key, () => record(c, 'record_unreadable'))
  const token = await timings.measure('kv', reading)
  const at = now()
  const seen_at = token && lastSeen(token, ask, at)
  if (!token || seen_at === undefined || at >= seen_at + config.session_idle_seconds)
    return undefined
  if (!isFresh(token, ask.min_ttl, at)) return undefined
  if (ask.rejected !== undefined && (await sha256(token.access_token)) === ask.rejected)
    return undefined
  if (isWaning(token, at) || at >= seen_at + touchAfter(config)) workBehind(c, ask, subject)
  return token
}

/** When the asker's session was last seen, as far as the record knows it; an app's user is seen just now. */
function lastSeen({ sessions }: StoredToken, { asker }: Ask, at: number): number | undefined {
  if (asker.kind === 'app_user') return at
  return sessions?.find(([id]) => id === asker.id)?.[1]
}

/** Has the Durable Object refresh what wanes, and note that the session is in use, while the caller has its answer. */
function workBehind(c: BrokerContext, ask: Ask, subject: string): void {
  const { proof: _used, ...asker } = ask.asker
  const ahead = askSubject(c.env.SUBJECTS, subject, (stub) =>
    stub.accessToken({ ...ask, asker, missed_in_kv: false }),
  )
  c.executionCtx.waitUntil(
    ahead.then(
      () => undefined,
      (error: unknown) => logError('refresh_ahead_failed', error),
    ),
  )
}

/** Has the subject's Durable Object settle it. */
async function fromSubject(
  c: BrokerContext,
  ask: Ask,
  bundle: string,
  caller: Claimant,
): Promise<HandOut> {
  const timings = c.get('timings')
  const asking = askSubject(c.env.SUBJECTS, caller.subject, (subject) => subject.accessToken(ask))
  const handOut = await inWordsFor(caller, timings.measure('do', asking), bundle)
  if (handOut.google_ms !== undefined) timings.add('google', handOut.google_ms)
  return handOut
}
