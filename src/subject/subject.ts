/** This file is the Durable Object of one subject: the authority on what it allowed, and the only writer of it. */

import { DurableObject } from 'cloudflare:workers'
import { now } from '../clock.ts'
import { configOf } from '../config.ts'
import { failed, type Outcome, success } from '../errors.ts'
import { logError } from '../log.ts'
import type { ConsentRequired } from '../protocol.ts'
import { parseScope } from '../scope/scopes.ts'
import { type Acceptance, accept, type Consent } from './consent.ts'
import { scopeSetKey } from './grants.ts'
import { type Ask, createHandingOut, type HandingOut, type HandOut } from './hand-out.ts'
import type { SessionRow } from './ledger.ts'
import { isSpent, openParts, type SubjectParts } from './parts.ts'

/** What a subject's Durable Object says of one scope set. */
export type ScopeStatus =
  | { status: 'ready'; granted_at: number }
  | ({ status: 'consent_required' } & ConsentRequired)
  | { status: 'unavailable' }

/** A used mark outlasts what it marks by this, and by any delay between the two looks at the clock. */
const MARK_MARGIN_SECONDS = 60

/** After a failing alarm, which a faulty configuration is enough for, the next one comes by itself. */
const ALARM_RETRY_SECONDS = 60

/**
 * One instance per subject key, worldwide.
 *
 * Errors thrown across RPC lose their class, so every method returns an `Outcome` or plain data.
 */
export class Subject extends DurableObject<Env> {
  #opened: SubjectParts | undefined
  #handing: HandingOut | undefined

  /** Marks this object's name as used; `false` when it was. For the one use of a pending authorization (TMB-11). */
  consume(expires_at: number): boolean {
    const { kv } = this.ctx.storage
    if (kv.get('consumed') !== undefined) return false
    kv.put('consumed', expires_at)
    void this.ctx.storage.setAlarm((expires_at + MARK_MARGIN_SECONDS) * 1000)
    return true
  }

  /** Tells what a session needs to know before it sends its user to Google. */
  async beginConsent(
    session: string,
    scope: string,
  ): Promise<Outcome<{ line: string; granted: boolean }>> {
    const live = this.#session(session)
    if (!live) return failed('login_required', 'session_ended')
    const held = await this.#parts.grants.own(parseScope(scope))
    return success({ line: live.line, granted: held !== undefined })
  }

  /** Keeps what a user consented to, and begins the session of the browser that brought it. */
  async accept(consent: Consent): Promise<Outcome<Acceptance>> {
    return accept(this.#parts, consent)
  }

  /** Hands out an access token, refreshed where it has to be. */
  async accessToken(ask: Ask): Promise<Outcome<HandOut>> {
    if (!this.#session(ask.session)) return failed('login_required', 'session_ended')
    this.#handing ??= createHandingOut(this.#parts)
    return this.#handing.accessToken(ask)
  }

  /** Tells for each of these scope sets whether it can be served; mints nothing. */
  async describe(session: string, scopes: readonly string[]): Promise<Outcome<ScopeStatus[]>> {
    const live = this.#session(session)
    if (!live) return failed('login_required', 'session_ended')
    this.#parts.sessions.touch(live)
    return success(await Promise.all(scopes.map((scope) => this.#statusOf(scope))))
  }

  /** Ends a session, or all of this subject's; what is granted stays. */
  async endSession(session: string, all: boolean): Promise<void> {
    if (!this.#session(session)) return
    const { ledger, publisher, sessions } = this.#parts
    ledger.transaction(() => {
      if (all) sessions.endAll()
      else sessions.end(session)
      publisher.allTokens()
    })
    await publisher.flush()
  }

  /** Forgets one grant here; Google has no way to end one of several (TMB-63). */
  async forget(session: string, scope: string): Promise<Outcome<void>> {
    if (!this.#session(session)) return failed('login_required', 'session_ended')
    const { grants, ledger, publisher } = this.#parts
    const scopes = parseScope(scope)
    const key = await scopeSetKey(scopes)
    const held = await grants.find(scopes)
    ledger.transaction(() => {
      grants.remove(key)
      if (held) grants.note(key, 'forgotten')
    })
    await publisher.flush()
    return success(undefined)
  }

  /** Forgets everything, ends every session and has Google revoke the user's whole grant: in this order (TMB-60). */
  async disconnect(session: string): Promise<Outcome<void>> {
    if (!this.#session(session)) {
      const ledger = this.#opened?.ledger
      const isDone =
        !ledger ||
        (ledger.fact('disconnected_at') !== undefined && ledger.all('grants').length === 0)
      return isDone ? success(undefined) : failed('login_required', 'session_ended')
    }
    const { grants, ledger, publisher, revoker, sessions } = this.#parts
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
    try {
      const { ledger, publisher, revoker, sessions } = this.#parts
      sessions.purge()
      await Promise.all([revoker.flush(), publisher.flush()])
      if (!isSpent(ledger)) return
      this.#opened = undefined
      this.#handing = undefined
      await this.ctx.storage.deleteAll()
    } catch (error) {
      logError('alarm_failed', error)
      await this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_SECONDS * 1000)
    }
  }

  /** The session of this id, if it lives; asking an object that keeps nothing does not make it keep anything (TMB-59). */
  #session(id: string): SessionRow | undefined {
    const keepsNothing = !this.#opened && this.ctx.storage.kv.get('subject') === undefined
    return keepsNothing ? undefined : this.#parts.sessions.live(id)
  }

  async #statusOf(scope: string): Promise<ScopeStatus> {
    const { grants } = this.#parts
    const scopes = parseScope(scope)
    const held = await grants.find(scopes)
    if (held && !(await grants.isDoubtful(scopes)))
      return { status: 'ready', granted_at: Math.floor(held.row.granted_at) }
    const why = await grants.whyNot(scopes)
    return why === 'unavailable'
      ? { status: 'unavailable' }
      : { status: 'consent_required', ...why }
  }

  get #parts(): SubjectParts {
    if (this.#opened) return this.#opened
    const config = configOf(this.env)
    if (config instanceof TypeError) throw config
    this.#opened = openParts(this.ctx, this.env, config)
    return this.#opened
  }
}
