/** This file is the Durable Object of one subject: the authority on what it allowed, and the only writer of it. */

import { logError } from '../audit/log.ts'
import { configOf } from '../config/config.ts'
import { failed, type Outcome, success } from '../errors.ts'
import type { ConsentRequired } from '../protocol/http.ts'
import type { Census } from '../protocol/operator.ts'
import { parseScope } from '../scope/scopes.ts'
import { type Acceptance, accept } from './consent.ts'
import { type Asker, admit, createUsedProofs } from './credential.ts'
import { disconnect } from './disconnect.ts'
import type { Consent } from './grant.ts'
import { scopeSetKey } from './grants.ts'
import type { SessionRow } from './ledger.ts'
import { Mark, settleMark } from './mark.ts'
import {
  drop,
  dropOverdue,
  type Holding,
  hold,
  type PendingGrant,
  redeem,
} from './pending-grants.ts'
import { reseal } from './reseal.ts'
import { heed, namesOf, type Word } from './security-event.ts'
import { census } from './stats.ts'
import { isSpent, openParts, type SubjectParts } from './subject-context.ts'
import { type Ask, createHandingOut, type HandingOut, type HandOut } from './token-issuer.ts'

/** What a subject's Durable Object says of one scope set. */
export type ScopeStatus =
  | { status: 'ready'; granted_at: number }
  | ({ status: 'consent_required' } & ConsentRequired)
  | { status: 'unavailable' }

/** What has to be known before a user is sent to Google. */
export interface Beginning {
  /** Whether a grant of exactly these scopes is held. */
  granted: boolean
  /** The account that what was granted is of. */
  account?: string
  /** Line of the session that asks. */
  line?: string
}

/** After a failing alarm, which a faulty configuration is enough for, the next one comes by itself. */
const ALARM_RETRY_SECONDS = 60

/**
 * One instance per subject key, worldwide.
 *
 * Errors thrown across RPC lose their class, so every method returns an `Outcome` or plain data.
 */
export class Subject extends Mark {
  #opened: SubjectParts | undefined
  #handing: HandingOut | undefined
  #lastRedemption: Promise<unknown> = Promise.resolve()
  readonly #proofs = createUsedProofs()

  /** Tells what has to be known of an asker before its user is sent to Google. */
  async beginConsent(asker: Asker, scope: string): Promise<Outcome<Beginning>> {
    const admission = this.#admit(asker)
    if (!admission.ok) return admission
    if (this.#keepsNothing()) return success({ granted: false })
    const { grants } = this.#parts
    const [held, account] = [await grants.own(parseScope(scope)), await grants.account()]
    return success({
      granted: held !== undefined,
      ...(admission.value ? { line: admission.value.line } : {}),
      ...(account === undefined ? {} : { account }),
    })
  }

  /** Keeps what a user consented to, and begins the session of the browser that brought it. */
  async accept(consent: Consent): Promise<Outcome<Acceptance>> {
    return accept(this.#parts, consent)
  }

  /** Keeps a consent back until its code is redeemed. */
  async hold(pending: PendingGrant): Promise<Outcome<Holding>> {
    return hold(this.#parts, pending)
  }

  /** Accepts the consent of a code, once, and hands out what was asked for. */
  async redeem(id: string): Promise<Outcome<HandOut & { session?: string }>> {
    if (this.#keepsNothing()) return failed('invalid_grant', 'code_unknown')
    const turn = this.#lastRedemption.then(() => redeem(this.#parts, id))
    this.#lastRedemption = turn.catch(() => {})
    const redemption = await turn
    if (!redemption.ok) return redemption
    const { scope, session } = redemption.value
    const asker: Asker =
      session === undefined ? { kind: 'app_user' } : { kind: 'session', id: session }
    const handOut = await this.accessToken({ asker, scope, min_ttl: 0, missed_in_kv: false })
    return handOut.ok && session !== undefined ? success({ ...handOut.value, session }) : handOut
  }

  /** Drops a consent whose code came from somebody else than began it. */
  dropPending(id: string): void {
    if (!this.#keepsNothing()) drop(this.#parts, id)
  }

  /** Says whether an asker's session lives, and notes that it is in use. */
  async confirm(asker: Asker): Promise<Outcome<void>> {
    const admission = this.#admit(asker)
    if (!admission.ok) return admission
    if (admission.value) this.#parts.sessions.touch(admission.value)
    return success(undefined)
  }

  /** Hands out an access token, refreshed where it has to be. */
  async accessToken(ask: Ask): Promise<Outcome<HandOut>> {
    const admission = this.#admit(ask.asker)
    if (!admission.ok) return admission
    if (this.#keepsNothing())
      return failed('consent_required', 'grant_missing', { members: neverGranted(ask.scope) })
    this.#handing ??= createHandingOut(this.#parts)
    return this.#handing.accessToken(ask, admission.value)
  }

  /** Tells for each of these scope sets whether it can be served; mints nothing. */
  async describe(asker: Asker, scopes: readonly string[]): Promise<Outcome<ScopeStatus[]>> {
    const admission = this.#admit(asker)
    if (!admission.ok) return admission
    if (this.#keepsNothing())
      return success(
        scopes.map((scope) => ({ status: 'consent_required', ...neverGranted(scope) })),
      )
    if (admission.value) this.#parts.sessions.touch(admission.value)
    return success(await Promise.all(scopes.map((scope) => this.#statusOf(scope))))
  }

  /** Ends a session, or all of this subject's; what is granted stays. */
  async endSession(session: string, all: boolean): Promise<void> {
    if (!this.#live(session)) return
    const { ledger, publisher, sessions } = this.#parts
    ledger.transaction(() => {
      if (all) sessions.endAll()
      else sessions.end(session)
      publisher.allTokens()
    })
    await publisher.flush()
  }

  /** Forgets one grant here; Google has no way to end one of several (TMB-63). */
  async forget(asker: Asker, scope: string): Promise<Outcome<void>> {
    const admission = this.#admit(asker)
    if (!admission.ok) return admission
    if (this.#keepsNothing()) return success(undefined)
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
  async disconnect(asker: Asker): Promise<Outcome<void>> {
    const admission = this.#admit(asker)
    if (this.#keepsNothing()) return success(undefined)
    const { ledger } = this.#parts
    if (!admission.ok) {
      const isDone =
        admission.failure.code === 'login_required' &&
        ledger.fact('disconnected_at') !== undefined &&
        ledger.all('grants').length === 0
      return isDone ? success(undefined) : admission
    }
    return disconnect(this.#parts)
  }

  /** The same on the operator's word; tells whether there was anything to forget. */
  async disconnectForOperator(): Promise<boolean> {
    return !this.#keepsNothing() && (await disconnect(this.#parts)).ok
  }

  /** Ends what the provider says is over. */
  async heed(word: Word): Promise<Outcome<void>> {
    if (!this.#keepsNothing()) await heed(this.#parts, word)
    return success(undefined)
  }

  /** Whether the provider may speak of a grant here by this name. */
  async goesBy(name: string): Promise<boolean> {
    if (this.#keepsNothing()) return false
    const names = (await this.#parts.grants.all()).map((held) => namesOf(this.#parts, held))
    return (await Promise.all(names)).flat().includes(name)
  }

  /** Counts what is kept here, for the operator; with `reseal`, after sealing it all with the current key. */
  async census(reseal: boolean): Promise<Census | undefined> {
    return this.#keepsNothing() ? undefined : census(this.#parts, reseal)
  }

  /** Works off what KV and Google have not heard yet; removes what nobody needs any more. */
  override async alarm(): Promise<void> {
    try {
      if (await settleMark(this.ctx, this.env)) return
      const { ledger, publisher, revoker, sessions } = this.#parts
      sessions.purge()
      await dropOverdue(this.#parts)
      await reseal(this.#parts)
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

  #admit(asker: Asker): Outcome<SessionRow | undefined> {
    return admit(asker, this.#proofs, (id) => this.#live(id))
  }

  #live(id: string): SessionRow | undefined {
    return this.#keepsNothing() ? undefined : this.#parts.sessions.live(id)
  }

  /** Asking an object that keeps nothing does not make it keep anything (TMB-59). */
  #keepsNothing(): boolean {
    return !this.#opened && this.ctx.storage.kv.get('subject') === undefined
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

function neverGranted(scope: string): ConsentRequired {
  return { reason: 'never_granted', missing_scope: scope }
}
