/** The Durable Object of a subject: it decides on all sessions and grants, and is their only writer. */

import { DurableObject } from 'cloudflare:workers'
import { logError } from '../audit/log.ts'
import { configOf } from '../config/config.ts'
import { failed, type Outcome, success } from '../errors.ts'
import type { SubjectStats } from '../protocol/operator.ts'
import { parseScope } from '../scope/scopes.ts'
import { type AcceptedConsent, acceptConsent } from './consent.ts'
import { authenticate, type Credential, createReplayCache } from './credential.ts'
import { disconnect, forgetGrant } from './disconnect.ts'
import type { Consent } from './grant.ts'
import { neverGranted, type ScopeStatus, statusOf } from './grants.ts'
import type { SessionRow } from './ledger.ts'
import {
  dropExpired,
  dropPendingGrant,
  type PendingGrant,
  redeemPendingGrant,
  storePendingGrant,
} from './pending-grants.ts'
import { reseal } from './reseal.ts'
import { applySecurityEvent, providerNamesOf, type SecurityEvent } from './security-event.ts'
import { createSerialQueue } from './serial-queue.ts'
import { readStats } from './stats.ts'
import { isDisposable, openSubjectContext, type SubjectContext } from './subject-context.ts'
import type { IssuedToken, IssueToken, TokenRequest } from './token-issuer.ts'
import { createTokenIssuer } from './token-issuer.ts'

/** What the Worker needs to know before it sends a user to Google. */
export interface ConsentContext {
  /** Whether there is a grant of exactly these scopes. */
  granted: boolean
  /** The provider account of the stored grants. */
  account?: string | undefined
  /** The family of the caller's session. */
  family_id?: string | undefined
}

/** When a failed alarm is repeated, in seconds; the configuration may be wrong until then. */
const ALARM_RETRY_SECONDS = 60

/**
 * One object for each subject key, worldwide.
 *
 * Errors lose their class when they cross RPC, so methods return an `Outcome`; those for operators return plain data.
 */
export class Subject extends DurableObject<Env> {
  #opened: SubjectContext | undefined
  #issue: IssueToken | undefined
  readonly #useProof = createReplayCache()
  readonly #redeemInOrder = createSerialQueue()

  /** Reads what is needed before the caller's user is sent to Google. */
  async beginConsent(credential: Credential, scope: string): Promise<Outcome<ConsentContext>> {
    const empty: ConsentContext = { granted: false }
    return this.#authorized(credential, empty, async ({ grants }, session) => {
      const granted = (await grants.findExact(parseScope(scope))) !== undefined
      const account = await grants.account()
      return { granted, account, family_id: session?.family_id }
    })
  }

  /** Stores a consent, and begins the session of its browser. */
  async acceptConsent(consent: Consent): Promise<Outcome<AcceptedConsent>> {
    return acceptConsent(this.#context, consent)
  }

  /** Stores a consent until its code is redeemed. */
  async storePendingGrant(
    pending: PendingGrant,
  ): Promise<Outcome<'pending' | 'refresh_token_missing'>> {
    return storePendingGrant(this.#context, pending)
  }

  /** Accepts the consent of a code, once, and issues an access token. Without the key of a proof, no session begins. */
  async redeemCode(id: string, jkt?: string): Promise<Outcome<IssuedToken & { session?: string }>> {
    if (this.#isEmpty()) return failed('code_unknown')
    const redeemed = await this.#redeemInOrder(() => redeemPendingGrant(this.#context, id, jkt))
    if (!redeemed.ok) return redeemed
    const { scope, session } = redeemed.value
    const credential: Credential =
      session === undefined ? { kind: 'app_user' } : { kind: 'session', id: session }
    const issued = await this.issueToken({ credential, scope, min_ttl: 0, missed_in_kv: false })
    if (!issued.ok || session === undefined) return issued
    await this.#endSiblings(session)
    return success({ ...issued.value, session })
  }

  /** Ends the other sessions of the same key, which are of the same browser: now that it has a new one, not before. */
  async #endSiblings(session: string): Promise<void> {
    const { ledger, kvOutbox, sessions } = this.#context
    ledger.transaction(() => {
      if (sessions.endSiblings(session)) kvOutbox.markAllTokensDirty()
    })
    await kvOutbox.flush()
  }

  /** Deletes an unredeemed consent, because another user than the one who began presented its code. */
  async dropPendingGrant(id: string): Promise<Outcome<void>> {
    if (!this.#isEmpty()) dropPendingGrant(this.#context, id)
    return success(undefined)
  }

  /** Checks that the caller's session is live, and records its use. */
  async touchSession(credential: Credential): Promise<Outcome<void>> {
    return this.#authorized(credential, undefined, async ({ sessions }, session) => {
      if (session) sessions.touch(session)
    })
  }

  /** Issues an access token, refreshed if necessary. */
  async issueToken(request: TokenRequest): Promise<Outcome<IssuedToken>> {
    const session = this.#authenticate(request.credential)
    if (!session.ok) return session
    const members = neverGranted(request.scope)
    if (this.#isEmpty()) return failed('never_granted', { members })
    this.#issue ??= createTokenIssuer(this.#context)
    return this.#issue(request, session.value)
  }

  /** Reads whether each of these scope sets can be served; asks Google nothing. */
  async describeScopes(
    credential: Credential,
    scopes: readonly string[],
  ): Promise<Outcome<ScopeStatus[]>> {
    const empty = scopes.map((scope): ScopeStatus => {
      return { status: 'consent_required', ...neverGranted(scope) }
    })
    return this.#authorized(credential, empty, async ({ grants, sessions }, session) => {
      if (session) sessions.touch(session)
      return Promise.all(scopes.map((scope) => statusOf(grants, parseScope(scope))))
    })
  }

  /**
   * Ends a session, or all sessions of this subject; the grants stay.
   *
   * @returns a failure while KV does not take it; then it can be repeated, also with the session that has ended
   */
  async endSession(session: string, all: boolean): Promise<Outcome<void>> {
    if (this.#isEmpty()) return success(undefined)
    const { ledger, kvOutbox, sessions } = this.#context
    if (this.#findLive(session))
      ledger.transaction(() => {
        if (all) sessions.endAll()
        else sessions.end(session)
        kvOutbox.markAllTokensDirty()
      })
    return kvOutbox.settle()
  }

  /** Deletes one grant; Google cannot revoke one of several (TMB-63). */
  async forgetGrant(credential: Credential, scope: string): Promise<Outcome<void>> {
    const session = this.#authenticate(credential)
    if (!session.ok) return session
    return this.#isEmpty() ? success(undefined) : forgetGrant(this.#context, scope)
  }

  /** Deletes all grants, ends all sessions, and revokes at Google: in this order (TMB-60). */
  async disconnect(credential: Credential): Promise<Outcome<void>> {
    const session = this.#authenticate(credential)
    if (this.#isEmpty()) return success(undefined)
    if (session.ok) return disconnect(this.#context)
    const { ledger, kvOutbox } = this.#context
    const isDone =
      session.failure.code === 'login_required' &&
      ledger.fact('disconnected_at') !== undefined &&
      ledger.all('grants').length === 0
    return isDone ? kvOutbox.settle() : session
  }

  /** Disconnects on behalf of the operator. @returns whether there was anything to delete */
  async disconnectForOperator(): Promise<boolean> {
    if (this.#isEmpty()) return false
    await disconnect(this.#context)
    return true
  }

  /** Ends what a security event of the provider is about. */
  async applySecurityEvent(event: SecurityEvent): Promise<Outcome<void>> {
    if (!this.#isEmpty()) await applySecurityEvent(this.#context, event)
    return success(undefined)
  }

  /** Whether this is a provider name of one of the grants. */
  async hasProviderName(name: string): Promise<boolean> {
    if (this.#isEmpty()) return false
    const context = this.#context
    const names = (await context.grants.all()).map((held) => providerNamesOf(context, held))
    return (await Promise.all(names)).flat().includes(name)
  }

  /** Counts what is stored. @param reseal whether to seal it all with the current key first */
  async stats(reseal: boolean): Promise<SubjectStats | undefined> {
    return this.#isEmpty() ? undefined : readStats(this.#context, reseal)
  }

  /** Deletes what has expired, works through both outboxes, and deletes the object itself when it is disposable. */
  override async alarm(): Promise<void> {
    try {
      const { ledger, kvOutbox, revocationOutbox, sessions } = this.#context
      sessions.purge()
      await dropExpired(this.#context)
      await reseal(this.#context)
      await Promise.all([revocationOutbox.flush(), kvOutbox.flush()])
      if (!isDisposable(ledger)) return
      this.#opened = undefined
      this.#issue = undefined
      await this.ctx.storage.deleteAll()
    } catch (error) {
      logError('alarm_failed', error)
      await this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_SECONDS * 1000)
    }
  }

  /** Does work for a valid credential. @param empty the value if this object stores nothing */
  async #authorized<T>(
    credential: Credential,
    empty: T,
    work: (context: SubjectContext, session: SessionRow | undefined) => Promise<T>,
  ): Promise<Outcome<T>> {
    const session = this.#authenticate(credential)
    if (!session.ok) return session
    return success(this.#isEmpty() ? empty : await work(this.#context, session.value))
  }

  #authenticate(credential: Credential): Outcome<SessionRow | undefined> {
    return authenticate(credential, this.#useProof, (id) => this.#findLive(id))
  }

  #findLive(id: string): SessionRow | undefined {
    return this.#isEmpty() ? undefined : this.#context.sessions.live(id)
  }

  /** Whether this object stores nothing. Checking it stores nothing either (TMB-59). */
  #isEmpty(): boolean {
    return !this.#opened && this.ctx.storage.kv.get('subject') === undefined
  }

  get #context(): SubjectContext {
    if (this.#opened) return this.#opened
    const config = configOf(this.env)
    if (config instanceof TypeError) throw config
    this.#opened = openSubjectContext(this.ctx, this.env, config)
    return this.#opened
  }
}
