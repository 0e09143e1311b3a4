/** This file is `POST /session/token`: the hand-out. */

import {
  integer,
  maxLength,
  maxValue,
  minValue,
  number,
  optional,
  pipe,
  regex,
  strictObject,
  string,
} from 'valibot'
import { now } from '../clock.ts'
import { sha256 } from '../crypto/digest.ts'
import { BrokerError } from '../errors.ts'
import { logError } from '../log.ts'
import type { TokenResponse } from '../protocol.ts'
import { isFresh, isWaning } from '../subject/grant.ts'
import { scopeSetKey } from '../subject/grants.ts'
import type { Ask, HandOut } from '../subject/hand-out.ts'
import { touchAfter } from '../subject/sessions.ts'
import { readToken, tokenKey } from '../subject/store.ts'
import { askSubject } from '../subject/stub.ts'
import { type BrokerContext, readJson } from './context.ts'
import { connectUrl, findBundle } from './find.ts'
import { admitSession, loginRequired, type SessionCaller } from './guard.ts'

const DEFAULT_MIN_TTL_SECONDS = 300

const BODY = strictObject({
  bundle: pipe(string(), maxLength(64)),
  min_ttl: optional(
    pipe(number(), integer(), minValue(0), maxValue(1800)),
    DEFAULT_MIN_TTL_SECONDS,
  ),
  rejected: optional(pipe(string(), regex(/^[A-Za-z0-9_-]{43}$/))),
})

/** Answers with an access token of a bundle that has `min_ttl` seconds of life left, as far as Google gives them. */
export async function sessionToken(c: BrokerContext): Promise<Response> {
  const caller = await admitSession(c)
  const { bundle: name, min_ttl, rejected } = await readJson(c, BODY)
  const bundle = findBundle(c.var.config, caller.client, name)
  const ask: Ask = {
    session: caller.session.id,
    scope: bundle.scopes.join(' '),
    min_ttl,
    missed_in_kv: c.var.config.consistency === 'edge',
    ...(rejected === undefined ? {} : { rejected }),
  }
  const key = tokenKey(caller.session.subject, await scopeSetKey(bundle.scopes))
  const { access_token, scope, expires_at } =
    (await fromEdge(c, ask, key, caller)) ?? (await fromSubject(c, ask, name, caller))
  const expires_in = Math.floor(expires_at - now())
  if (expires_in < 1) throw new BrokerError('temporarily_unavailable', 'token_expired')
  const body: TokenResponse = {
    access_token,
    token_type: 'Bearer',
    expires_in,
    scope,
    bundle: name,
  }
  return c.json(body)
}

/** Hands out what KV holds, if it is fresh and for this session; with `strict` consistency KV is not asked at all. */
async function fromEdge(
  c: BrokerContext,
  ask: Ask,
  key: string,
  { session }: SessionCaller,
): Promise<HandOut | undefined> {
  const { config, timings } = c.var
  if (config.consistency === 'strict') return undefined
  const token = await timings.measure('kv', readToken(c.env.TOKENS, config.keyring, key))
  const at = now()
  const seen_at = token?.sessions?.find(([id]) => id === session.id)?.[1]
  if (!token || seen_at === undefined || at >= seen_at + config.session_idle_seconds)
    return undefined
  if (!isFresh(token, ask.min_ttl, at)) return undefined
  if (ask.rejected !== undefined && (await sha256(token.access_token)) === ask.rejected)
    return undefined
  if (isWaning(token, at) || at >= seen_at + touchAfter(config)) {
    const ahead = askSubject(c.env.SUBJECTS, session.subject, (subject) =>
      subject.accessToken({ ...ask, missed_in_kv: false }),
    )
    c.executionCtx.waitUntil(
      ahead.then(
        () => undefined,
        (error: unknown) => logError('refresh_ahead_failed', error),
      ),
    )
  }
  return token
}

/** Has the subject's Durable Object settle it. */
async function fromSubject(
  c: BrokerContext,
  ask: Ask,
  bundle: string,
  caller: SessionCaller,
): Promise<HandOut> {
  const { config, timings } = c.var
  try {
    const asking = askSubject(c.env.SUBJECTS, caller.session.subject, (subject) =>
      subject.accessToken(ask),
    )
    const handOut = await timings.measure('do', asking)
    if (handOut.google_ms !== undefined) timings.add('google', handOut.google_ms)
    return handOut
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    const { code, reason, members } = error.failure
    if (code === 'login_required') throw loginRequired(c, caller, bundle)
    if (code !== 'consent_required') throw error
    const connect_url = connectUrl(config, caller.client, bundle, caller.origin)
    throw new BrokerError(code, reason, { members: { ...members, bundle, connect_url } })
  }
}
