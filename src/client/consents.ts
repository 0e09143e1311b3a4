/** Consents: begun in a popup, or by a redirect where popups are blocked, and finished where their user comes back. */

import type { Broker } from './broker.ts'
import { BrokerError, type BrokerErrorCode } from './broker-error.ts'
import { random } from './bytes.ts'
import { addPending, type Memo, type PendingConsent, takePending } from './memo.ts'
import { takeOutcome } from './outcome.ts'
import { untilAborted } from './pause.ts'
import { openPopup, postOutcome, waitForOutcome, whileOpen } from './popup.ts'
import type { Change, Tabs } from './tabs.ts'
import type { Outcome, Transport } from './transport.ts'

/** How long a page may take to leave, in milliseconds. */
const LEAVING_MS = 30_000

/** The key of the memo for what came of a consent, if its page went on to another one. */
const RETURNED = ' returned'

/** What consents need of the broker. */
interface Surroundings {
  transport: Transport
  memo: Memo
  tabs: Tabs
  /** Ends the session before at the broker, if that is still to be done. */
  settleSignOut(): Promise<void>
  /** Called when a session begins. */
  signedIn(): void
  /** Tells the listeners what came of a consent; with `isKept`, the first listener that comes later too. */
  announce(change: Change, isKept: boolean): void
}

/** The consents of a page. */
export interface Consents {
  connect: Broker['connect']
  /** Settles when no consent that came back has its code still to be redeemed: a call right after it waits. */
  settled(): Promise<unknown>
  /** Ends the wait of a `connect` whose page was left, and came back without an outcome. */
  abandon(): void
}

/** Opens the consents of a page; finishes the one that the page came back from, if there is one. */
export function openConsents(surroundings: Surroundings): Consents {
  const { transport, memo, tabs, settleSignOut, signedIn, announce } = surroundings
  let finishing: Promise<void> | undefined
  let abandon: (() => void) | undefined

  const finish = (pending: PendingConsent, outcome: Outcome): Promise<void> => {
    const finished = redeem(pending, outcome)
    finishing = finished.catch(() => {})
    return finished
  }
  const redeem = async (pending: PendingConsent, outcome: Outcome): Promise<void> => {
    const { error } = outcome
    if (error) throw connectError(error as BrokerErrorCode, pending.bundle)
    await transport.finish(outcome, pending)
    signedIn()
  }

  const finishHere = async (
    pending: PendingConsent,
    outcome: Outcome,
    isHere: boolean,
  ): Promise<void> => {
    const { bundle } = pending
    let error: BrokerError | undefined
    try {
      await finish(pending, outcome)
    } catch (cause) {
      error = toBrokerError(cause)
    }
    if (!isHere) memo.set(RETURNED, { bundle, code: error?.code }) // for the page that this one goes to
    announce(toChange(bundle, error), true)
  }

  /** Finishes the consent that this page came back from, or hands it to the page that opened this popup. */
  const resume = async (outcome: Outcome): Promise<void> => {
    const { state = '' } = outcome
    const isPopup = state.startsWith('p.')
    const isTaken = isPopup && (await postOutcome(tabs, state, outcome))
    const pending = isTaken ? undefined : takePending(memo, state)
    const isHere = isPopup || !pending || new URL(pending.href).pathname === location.pathname
    if (pending) await finishHere(pending, outcome, isHere)
    if (isPopup) window.close()
    if (isPopup || !pending) return
    if (isHere) history.replaceState(null, '', pending.href)
    else location.replace(pending.href)
  }

  const returned = takeOutcome()
  const isReady: Promise<void> = returned
    ? Promise.resolve()
        .then(() => resume(returned))
        .catch(() => {})
    : settleSignOut()

  const before = returned
    ? undefined
    : memo.get<{ bundle: string; code?: BrokerErrorCode }>(RETURNED)
  if (before) {
    const { bundle, code } = before
    memo.set(RETURNED, undefined)
    queueMicrotask(() => announce(toChange(bundle, code && connectError(code, bundle)), true))
  }

  /** The page is leaving; it waits only until it comes back. */
  const leave = (target: string, signal: AbortSignal | undefined): Promise<never> => {
    const left = new Promise<never>((_, reject) => {
      abandon = () => reject(new BrokerError('popup_closed'))
    })
    setTimeout(abandon as () => void, LEAVING_MS) // an app may ask its user, who stays
    location.assign(target)
    return untilAborted(left, signal)
  }

  return {
    settled: () => Promise.all([isReady, finishing]),
    abandon: () => abandon?.(),
    async connect(bundle, options = {}) {
      const { signal, selectAccount = false, loginHint, next } = options
      signal?.throwIfAborted()
      const popup = options.popup ?? openPopup() // in the click, before any await
      const state = `${popup ? 'p' : 'r'}.${random()}`
      const code_verifier = random()
      let isConnected = false
      const pending = { state, bundle, code_verifier, href: location.href, began_at: Date.now() }
      try {
        void settleSignOut()
        const request = { ...pending, choose: selectAccount, login_hint: loginHint }
        const target = await transport.connectUrl(request)
        signal?.throwIfAborted()
        addPending(memo, pending)
        if (!popup) return await leave(target, signal)
        const outcome = waitForOutcome(tabs, state, popup, next !== undefined)
        const finished = outcome.then(async (received) => {
          await finish(takePending(memo, state) ?? pending, received)
          announce({ type: 'connected', bundle }, false)
          isConnected = true
          if (next) tabs.post({ kind: 'go', state, url: await next() }, popup)
        })
        popup.location.replace(target)
        await untilAborted(
          Promise.all([finished, whileOpen(popup, outcome, signal)]),
          signal, // also while the code is redeemed
        )
        if (!next) popup.close()
      } catch (error) {
        tabs.post({ kind: 'go', state }, popup)
        popup?.close()
        signal?.throwIfAborted()
        throw isConnected ? error : toBrokerError(error) // the error of `next`
      }
    },
  }
}

/** What listeners are told of a consent. */
function toChange(bundle: string, error: BrokerError | undefined): Change {
  return error ? { type: 'failed', bundle, error } : { type: 'connected', bundle }
}

/** An error of a consent. One with `consent_required` means that the user left a box unticked. */
function connectError(code: BrokerErrorCode, bundle: string): BrokerError {
  const unticked = { reason: 'partially_granted', missing_scope: '' } as const
  return new BrokerError(code, { bundle, ...(code === 'consent_required' ? unticked : {}) })
}

/** Everything that fails is a `BrokerError`; what is none comes from the browser. */
function toBrokerError(error: unknown): BrokerError {
  return error instanceof BrokerError
    ? error
    : new BrokerError('temporarily_unavailable', { cause: error })
}
