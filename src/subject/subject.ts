/** This file is the Durable Object of one subject: the authority on what it allowed, and the only writer of it. */

import { DurableObject } from 'cloudflare:workers'
import { logError } from '../audit/log.ts'
import { configOf } from '../config/config.ts'
import { failed, type Outcome, success } from '../errors.ts'
import type { ConsentRequired } from '../protocol/http.ts'
import type { SubjectStats } from '../protocol/operator.ts'
import { parseScope } from '../scope/scopes.ts'
import { type AcceptedConsent, acceptConsent } from './consent.ts'
import { authenticate, type Credential, createReplayCache } from './credential.ts'
import { disconnect } from './disconnect.ts'
import type { Consent } from './grant.ts'
import { scopeSetKey } from './grants.ts'
import type { SessionRow } from './ledger.ts'
import {
  dropExpired,
  dropPendingGrant,
  type PendingGrant,
  redeemPendingGrant,
  type StoredPendingGrant,
  storePendingGrant,
} from './pending-grants.ts'
import { reseal } from './reseal.ts'
import { applySecurityEvent, providerNamesOf, type SecurityEvent } from './security-event.ts'
import { readStats } from './stats.ts'
import { isSpent, openSubjectContext, type SubjectContext } from './subject-context.ts'
import {
  createTokenIssuer,
  type IssuedToken,
  type TokenIssuer,
  type TokenRequest,
} from './token-issuer.ts'

/** What a subject's Durable Object says of one scope set. */
export type ScopeStatus =
  | { status: 'ready'; granted_at: number }
  | ({ status: 'consent_required' } & ConsentRequired)
  | { status: 'unavailable' }

/** What has to be known before a user is sent to Google. */
export interface ConsentContext {
  /** Whether a grant of exactly these scopes is held. */
  granted: boolean
  /** The account that what was granted is of. */
  account?: string
  /** Line of the session that asks. */
  family_id?: string
}

/** After a failing alarm, which a faulty configuration is enough for, the next one comes by itself. */
const ALARM_RETRY_SECONDS = 60

/**
 * One instance per subject key, worldwide.
 *
 * Errors thrown across RPC lose their class, so every method returns an `Outcome` or plain data.
 */
export class Subject extends DurableObject<Env> {
  #opened: SubjectContext | undefined
  #handing: TokenIssuer | undefined
  #lastRedemption: Promise<unknown> = Promise.resolve()
  readonly #proofs = createReplayCache()

  /** Tells what has to be known of an credential before its user is sent to Google. */
  async beginConsent(credential: Credential, scope: string): Promise<Outcome<ConsentContext>> {
    const admission = this.#admit(credential)
    if (!admission.ok) return admission
    if (this.#keepsNothing()) return success({ granted: false })
    const { grants } = this.#parts
    const [held, account] = [await grants.own(parseScope(scope)), await grants.account()]
    return success({
      granted: held !== undefined,
      ...(admission.value ? { family_id: admission.value.family_id } : {}),
      ...(account === undefined ? {} : { account }),
    })
  }

  /** Keeps what a user consented to, and begins the session of the browser that brought it. */
  async acceptConsent(consent: Consent): Promise<Outcome<AcceptedConsent>> {
    return acceptConsent(this.#parts, consent)
  }

  /** Keeps a consent back until its code is redeemed. */
  async storePendingGrant(pending: PendingGrant): Promise<Outcome<StoredPendingGrant>> {
    return storePendingGrant(this.#parts, pending)
  }

  /** Accepts the consent of a code, once, and hands out what was asked for. */
  async redeemCode(id: string): Promise<Outcome<IssuedToken & { session?: string }>> {
    if (this.#keepsNothing()) return failed('invalid_grant', 'code_unknown')
    const turn = this.#lastRedemption.then(() => redeemPendingGrant(this.#parts, id))
    this.#lastRedemption = turn.catch(() => {})
    const redemption = await turn
    if (!redemption.ok) return redemption
    const { scope, session } = redemption.value
    const credential: Credential =
      session === undefined ? { kind: 'app_user' } : { kind: 'session', id: session }
    const issued = await this.issueToken({ credential, scope, min_ttl: 0, missed_in_kv: false })
    return issued.ok && session !== undefined ? success({ ...issued.value, session }) : issued
  }

  /** Drops a consent whose code came from somebody else than began it. */
  dropPendingGrant(id: string): void {
    if (!this.#keepsNothing()) dropPendingGrant(this.#parts, id)
  }

  /** Says whether an credential's session lives, and notes that it is in use. */
  async touchSession(credential: Credential): Promise<Outcome<void>> {
    const admission = this.#admit(credential)
    if (!admission.ok) return admission
    if (admission.value) this.#parts.sessions.touch(admission.value)
    return success(undefined)
  }

  /** Hands out an access token, refreshed where it has to be. */
  async issueToken(request: TokenRequest): Promise<Outcome<IssuedToken>> {
    const admission = this.#admit(request.credential)
    if (!admission.ok) return admission
    if (this.#keepsNothing())
      return failed('consent_required', 'grant_missing', { members: neverGranted(request.scope) })
    this.#handing ??= createTokenIssuer(this.#parts)
    return this.#handing.issueToken(request, admission.value)
  }

  /** Tells for each of these scope sets whether it can be served; mints nothing. */
  async describeScopes(
    credential: Credential,
    scopes: readonly string[],
  ): Promise<Outcome<ScopeStatus[]>> {
    const admission = this.#admit(credential)
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
    const { ledger, kvOutbox, sessions } = this.#parts
    ledger.transaction(() => {
      if (all) sessions.endAll()
      else sessions.end(session)
      kvOutbox.markAllTokensDirty()
    })
    await kvOutbox.flush()
  }

  /** Forgets one grant here; Google has no way to end one of several (TMB-63). */
  async forgetGrant(credential: Credential, scope: string): Promise<Outcome<void>> {
    const admission = this.#admit(credential)
    if (!admission.ok) return admission
    if (this.#keepsNothing()) return success(undefined)
    const { grants, ledger, kvOutbox } = this.#parts
    const scopes = parseScope(scope)
    const key = await scopeSetKey(scopes)
    const held = await grants.find(scopes)
    ledger.transaction(() => {
      grants.remove(key)
      if (held) grants.recordEnding(key, 'forgotten')
    })
    await kvOutbox.flush()
    return success(undefined)
  }

  /** Forgets everything, ends every session and has Google revoke the user's whole grant: in this order (TMB-60). */
  async disconnect(credential: Credential): Promise<Outcome<void>> {
    const admission = this.#admit(credential)
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
  async applySecurityEvent(word: SecurityEvent): Promise<Outcome<void>> {
    if (!this.#keepsNothing()) await applySecurityEvent(this.#parts, word)
    return success(undefined)
  }

  /** Whether the provider may speak of a grant here by this name. */
  async hasProviderName(name: string): Promise<boolean> {
    if (this.#keepsNothing()) return false
    const names = (await this.#parts.grants.all()).map((held) => providerNamesOf(this.#parts, held))
    return (await Promise.all(names)).flat().includes(name)
  }

  /** Counts what is kept here, for the operator; with `reseal`, after sealing it all with the current key. */
  async stats(reseal: boolean): Promise<SubjectStats | undefined> {
    return this.#keepsNothing() ? undefined : readStats(this.#parts, reseal)
  }

  /** Works off what KV and Google have not heard yet; removes what nobody needs any more. */
  override async alarm(): Promise<void> {
    try {
      const { ledger, kvOutbox, revocationOutbox, sessions } = this.#parts
      sessions.purge()
      await dropExpired(this.#parts)
      await reseal(this.#parts)
      await Promise.all([revocationOutbox.flush(), kvOutbox.flush()])
      if (!isSpent(ledger)) return
      this.#opened = undefined
      this.#handing = undefined
      await this.ctx.storage.deleteAll()
    } catch (error) {
      logError('alarm_failed', error)
      await this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_SECONDS * 1000)
    }
  }

  #admit(credential: Credential): Outcome<SessionRow | undefined> {
    return authenticate(credential, this.#proofs, (id) => this.#live(id))
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
    if (held && !(await grants.isUnconfirmed(scopes)))
      return { status: 'ready', granted_at: Math.floor(held.row.granted_at) }
    const why = await grants.whyMissing(scopes)
    return why === 'unavailable'
      ? { status: 'unavailable' }
      : { status: 'consent_required', ...why }
  }

  get #parts(): SubjectContext {
    if (this.#opened) return this.#opened
    const config = configOf(this.env)
    if (config instanceof TypeError) throw config
    this.#opened = openSubjectContext(this.ctx, this.env, config)
    return this.#opened
  }
}

function neverGranted(scope: string): ConsentRequired {
  return { reason: 'never_granted', missing_scope: scope }
}
