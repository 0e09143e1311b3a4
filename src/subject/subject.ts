/** This file is the Durable Object of one subject: the authority on what it allowed, and the only writer of it. */

import { DurableObject } from 'cloudflare:workers'
import { now } from '../clock.ts'
import { type Config, readConfig } from '../config.ts'
import { sha256 } from '../crypto/digest.ts'
import { failed, type Outcome, success } from '../errors.ts'
import { logError } from '../log.ts'
import type { ConsentRequired } from '../protocol.ts'
import { parseScope } from '../scope/scopes.ts'
import { type Acceptance, accept, type Consent } from './consent.ts'
import { type AccessToken, isFresh, isWaning, lifeLeft } from './grant.ts'
import { scopeSetKey } from './grants.ts'
import { isSpent, openParts, type SubjectParts } from './parts.ts'

/** A request for an access token. */
export interface Ask {
  /** Id of the session that asks. */
  session: string
  /** Canonical, space-separated. */
  scope: string
  /** Seconds of life the token must have, as far as Google gives them. */
  min_ttl: number
  /** SHA-256, base64url, of an access token Google has just refused. */
  rejected?: string
  /** Whether KV had no use for this session: then its record is written anew. */
  missed_in_kv: boolean
}

/** An access token on its way out. */
export interface HandOut {
  access_token: string
  scope: string
  /** NumericDate. */
  expires_at: number
  /** How long Google took, when it was asked. */
  google_ms?: number
}

/** What a subject's Durable Object says of one scope set. */
export type ScopeStatus =
  | { status: 'ready'; granted_at: number }
  | ({ status: 'consent_required' } & ConsentRequired)
  | { status: 'unavailable' }

/** A record that was just written for a session is not written for it again so soon; elsewhere it may lag so long. */
const KV_LAG_SECONDS = 60

/** So many refreshes a minute may be forced by saying `rejected` (TMB-49). */
const MAX_FORCED_PER_MINUTE = 6

/**
 * One instance per subject key, worldwide.
 *
 * Errors thrown across RPC lose their class, so every method returns an `Outcome` or plain data.
 */
export class Subject extends DurableObject<Env> {
  readonly #config: Config
  #opened: SubjectParts | undefined
  /** When a record was last written anew because KV had missed it, by scope set key. */
  readonly #rewritten = new Map<string, number>()
  /** When refreshes were forced within the last minute. */
  #forced: number[] = []

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#config = readConfig(env).config
  }

  /** Marks this object's name as used; `false` when it was. For the one use of a pending authorization (TMB-11). */
  consume(expires_at: number): boolean {
    const { kv } = this.ctx.storage
    if (kv.get('consumed') !== undefined) return false
    kv.put('consumed', expires_at)
    void this.ctx.storage.setAlarm(expires_at * 1000)
    return true
  }

  /** Tells what a session needs to know before it sends its user to Google. */
  async beginConsent(
    session: string,
    scope: string,
  ): Promise<Outcome<{ line: string; granted: boolean }>> {
    const { sessions, grants } = this.#parts
    const held = await grants.own(parseScope(scope))
    const live = sessions.live(session)
    return live
      ? success({ line: live.line, granted: held !== undefined })
      : failed('login_required', 'session_ended')
  }

  /** Keeps what a user consented to, and begins the session of the browser that brought it. */
  async accept(consent: Consent): Promise<Outcome<Acceptance>> {
    return accept(this.#parts, consent)
  }

  /** Hands out an access token, refreshed where it has to be. */
  async accessToken(ask: Ask): Promise<Outcome<HandOut>> {
    const { ledger, refresher, sessions, vault } = this.#parts
    const session = sessions.live(ask.session)
    if (!session) return failed('login_required', 'session_ended')
    const touched = sessions.touch(session)
    const scopes = parseScope(ask.scope)
    const key = await scopeSetKey(scopes)
    const token = await vault.openToken(ledger.find('tokens', key))
    const rejected =
      token !== undefined &&
      ask.rejected !== undefined &&
      (await sha256(token.access_token)) === ask.rejected
    if (token && !rejected && isFresh(token, ask.min_ttl, now())) {
      this.#behindTheAnswer(ask, key, token, touched)
      return this.#handOut(ask, key, token)
    }
    if (rejected && !this.#mayForce())
      return failed('slow_down', 'forced_too_often', { retry_after: 60 })
    const asked_at = Date.now()
    const outcome = await refresher.refresh(scopes)
    if (!sessions.live(ask.session)) return failed('login_required', 'session_ended')
    if (outcome.ok) return this.#handOut(ask, key, outcome.value, Date.now() - asked_at)
    const isOver = outcome.failure.code === 'consent_required'
    return token && !rejected && !isOver && lifeLeft(token, now()) >= 1
      ? this.#handOut(ask, key, token)
      : outcome
  }

  /** Tells for each of these scope sets whether it can be served; mints nothing. */
  async describe(session: string, scopes: readonly string[]): Promise<Outcome<ScopeStatus[]>> {
    const { sessions } = this.#parts
    const statuses = await Promise.all(scopes.map((scope) => this.#statusOf(scope)))
    return sessions.live(session) ? success(statuses) : failed('login_required', 'session_ended')
  }

  /** Ends a session, or all of this subject's; what is granted stays. */
  async endSession(session: string, all: boolean): Promise<void> {
    const { ledger, publisher, sessions } = this.#parts
    if (!sessions.live(session)) return
    ledger.transaction(() => {
      if (all) sessions.endAll()
      else sessions.end(session)
      publisher.allTokens()
    })
    await publisher.flush()
  }

  /** Forgets one grant here; Google has no way to end one of several (TMB-63). */
  async forget(session: string, scope: string): Promise<Outcome<void>> {
    const { grants, ledger, publisher, sessions } = this.#parts
    const key = await scopeSetKey(parseScope(scope))
    if (!sessions.live(session)) return failed('login_required', 'session_ended')
    ledger.transaction(() => {
      grants.remove(key)
      grants.note(key, 'forgotten')
    })
    await publisher.flush()
    return success(undefined)
  }

  /** Forgets everything, ends every session and has Google revoke the user's whole grant: in this order (TMB-60). */
  async disconnect(session: string): Promise<Outcome<void>> {
    const { grants, ledger, publisher, revoker, sessions } = this.#parts
    if (!sessions.live(session)) {
      const isDone =
        ledger.fact('disconnected_at') !== undefined && ledger.all('grants').length === 0
      return isDone ? success(undefined) : failed('login_required', 'session_ended')
    }
    ledger.transaction(() => {
      for (const grant of ledger.all('grants')) {
        revoker.note(grant)
        grants.remove(grant.scopes)
      }
      ledger.clear('endings')
      sessions.endAll()
      ledger.note('disconnected_at', now())
    })
    await Promise.all([revoker.flush(), publisher.flush()])
    return success(undefined)
  }

  /** Works off what KV and Google have not heard yet; removes what nobody needs any more. */
  override async alarm(): Promise<void> {
    if (this.ctx.storage.kv.get('consumed') !== undefined) return this.ctx.storage.deleteAll()
    const { ledger, publisher, revoker } = this.#parts
    await Promise.all([revoker.flush(), publisher.flush()])
    if (!isSpent(ledger)) return
    this.#opened = undefined
    await this.ctx.storage.deleteAll()
  }

  /** Answers with a token, unless the session or the grant ended while it was got ready. */
  #handOut(ask: Ask, key: string, token: AccessToken, google_ms?: number): Outcome<HandOut> {
    const { ledger, sessions } = this.#parts
    if (!sessions.live(ask.session)) return failed('login_required', 'session_ended')
    if (!ledger.find('tokens', key))
      return failed('temporarily_unavailable', 'grant_keeps_changing')
    const { access_token, scope, expires_at } = token
    return success({
      access_token,
      scope,
      expires_at,
      ...(google_ms === undefined ? {} : { google_ms }),
    })
  }

  /** Refreshes a token that wanes, and mends the record that KV lacks, while the caller has its answer already. */
  #behindTheAnswer(ask: Ask, key: string, token: AccessToken, touched: boolean): void {
    const { publisher, refresher } = this.#parts
    if (isWaning(token, now())) {
      this.ctx.waitUntil(
        refresher
          .refresh(parseScope(ask.scope))
          .catch((error: unknown) => logError('refresh_failed', error)),
      )
    }
    const isLagging =
      ask.missed_in_kv &&
      now() >= (this.#rewritten.get(`${key}/${ask.session}`) ?? 0) + KV_LAG_SECONDS
    if (!touched && !isLagging) return
    this.#rewritten.set(`${key}/${ask.session}`, now())
    publisher.token(key)
    this.ctx.waitUntil(publisher.flush())
  }

  #mayForce(): boolean {
    this.#forced = this.#forced.filter((at) => at > now() - 60)
    return this.#forced.length < MAX_FORCED_PER_MINUTE && this.#forced.push(now()) > 0
  }

  async #statusOf(scope: string): Promise<ScopeStatus> {
    const { grants } = this.#parts
    const scopes = parseScope(scope)
    const held = await grants.find(scopes)
    if (held) return { status: 'ready', granted_at: Math.floor(held.row.granted_at) }
    const why = await grants.whyNot(scopes)
    return why === 'unavailable'
      ? { status: 'unavailable' }
      : { status: 'consent_required', ...why }
  }

  get #parts(): SubjectParts {
    this.#opened ??= openParts(this.ctx, this.env, this.#config)
    return this.#opened
  }
}
