/** The consent of a run: sends a user to Google and back, checks the result, and updates the model. */

import { PENDING_SECONDS } from '../../src/session/pending-authorization.ts'
import { faultsOfError, faultsOfToken } from './answers.ts'
import { SUBS } from './environment.ts'
import { isExcused } from './invariants.ts'
import { type Ending, endLogin, type Flow, isSurelyLive, type Login } from './model.ts'
import { type Return, SCOPES } from './pages.ts'
import type { PendingConsent, RunState, Slot } from './state.ts'
import type { Bundle, ConsentChoice } from './steps.ts'

/** A return to the page. */
type PageReturn = Exclude<Return, { at: URL } | { closed: true }>

/** How long the broker accepts a callback, in milliseconds. */
const PENDING_MS = PENDING_SECONDS * 1000

/** Sends the user of a page to Google. */
export async function leave(
  run: RunState,
  slot: Slot,
  bundle: Bundle,
  step: number,
): Promise<string[]> {
  const began = Date.now()
  slot.pending = undefined
  const departed = await slot.page.leave(bundle)
  if ('at' in departed) {
    slot.pending = { bundle, at: departed.at, began, login: slot.login }
    return []
  }
  const { answer } = departed
  run.record(step, answer)
  const isAllowed = slot.page.bundles.includes(bundle)
  const { error } = answer.body
  if (!isAllowed)
    return error === 'access_denied' ? [] : [`${error} for a bundle of another client`]
  const isTrouble = error === 'temporarily_unavailable' || error === 'server_error'
  return isTrouble && isExcused(run, { began }) ? [] : [`/connect answered ${error}`]
}

/** Consents for the user of a page and returns; consents again when the broker sends the user back to Google. */
export async function returnFromGoogle(
  run: RunState,
  slot: Slot,
  choice: ConsentChoice,
  step: number,
): Promise<string[]> {
  const { pending } = slot
  if (!pending) return []
  slot.pending = undefined
  const sub = SUBS[choice.account]
  let { at, began } = pending
  for (let hop = 0; hop < 3; hop++) {
    const callback = await run.google.consent(at, {
      account: sub,
      cancel: choice.agrees === 'none',
      untick: choice.agrees === 'some' ? [SCOPES[pending.bundle].split(' ').at(-1) ?? ''] : [],
      ...(choice.lasts === undefined ? {} : { lasts_seconds: choice.lasts }),
    })
    const code = callback.searchParams.get('code')
    const flow: Flow = { sub, client: slot.page.client, began }
    if (code !== null) run.model.flows.set(code, flow)
    const returned_at = Date.now()
    const back = await slot.page.returnFromGoogle(callback, choice.closes === true)
    if ('at' in back) {
      at = back.at
      began = returned_at
      continue
    }
    if ('closed' in back) {
      flow.isOpen = true
      return []
    }
    run.record(step, back.error ?? back.answer ?? 'ok')
    if (code !== null) updateModel(run, pending, back, flow, code)
    const faults = judge(run, slot, { ...pending, began }, choice, back, code)
    const { access_token } = (back.answer?.body ?? {}) as { access_token?: string }
    if (back.credentials) storeLogin(run, slot, pending, back.credentials, flow, access_token)
    // A redemption that failed late may have begun its session, which ends those of the same key.
    else if (slot.page.mode === 'oauth' && (back.answer?.status ?? 0) >= 500)
      for (const old of loginsOf(slot, sub)) if (old.state === 'live') old.state = 'maybe'
    return faults
  }
  return ['the broker sent its user to Google three times']
}

/** Updates which grants the broker may hold, and which it must. */
function updateModel(
  { model, google }: RunState,
  { bundle }: PendingConsent,
  { credentials, error }: PageReturn,
  flow: Flow,
  code: string,
): void {
  const scope = google.scopeOf(code)
  if (scope === '') return
  const isStored = credentials !== undefined && scope === SCOPES[bundle] && error === undefined
  const isStoredInPart = credentials !== undefined && error === 'consent_required'
  if (isStored || isStoredInPart) google.markStored(code)
  if (!google.hasDelivered(code)) {
    if (isStored) model.keepsOld(flow, scope)
  } else if (isStored || isStoredInPart) model.holds(flow, scope, code)
  else model.mayHold(flow, scope, code)
}

/** Stores the new login of a page, which may end the one before. */
function storeLogin(
  { model }: RunState,
  slot: Slot,
  pending: PendingConsent,
  credentials: Login['credentials'],
  { sub, client }: Flow,
  access_token: string | undefined,
): void {
  const { login: old, page } = slot
  if (page.mode === 'oauth') for (const one of loginsOf(slot, sub)) endReplaced(model, one, client)
  if (old && page.mode === 'cookie') {
    if (pending.login === old) endReplaced(model, old, client)
    else if (old.state === 'live') old.state = 'maybe'
  }
  slot.previous = old ?? slot.previous
  slot.login = model.login({ sub, client, credentials })
  slot.tokens.clear()
  if (access_token !== undefined) slot.tokens.set(pending.bundle, access_token)
}

/** The logins of a page of one user: in OAuth mode all have the key of the page. */
function loginsOf({ login, previous }: Slot, sub: string): Login[] {
  return [login, previous].filter((one): one is Login => one?.sub === sub)
}

/** Ends a login whose session the broker has replaced. */
function endReplaced(model: RunState['model'], old: Login, client: string): void {
  const ending: Ending = { kind: 'session', sub: old.sub, client, at: Date.now() - 1 }
  if (!isSurelyLive(old)) {
    if (old.state === 'live') old.state = 'maybe'
    return
  }
  model.endings.push(ending)
  endLogin(old, ending)
}

/** @returns what the choice of the user, Google and the earlier steps do not explain */
function judge(
  run: RunState,
  { page, login }: Slot,
  { bundle, began, login: then }: PendingConsent,
  { account, agrees }: ConsentChoice,
  { credentials, error: returned, answer }: PageReturn,
  code: string | null,
): string[] {
  const { model, google } = run
  const sub = SUBS[account]
  const error = returned ?? answer?.body.error
  const granted = code === null ? '' : google.scopeOf(code)
  const isWhole = granted === SCOPES[bundle]
  const isExcusable = isExcused(run, { began })
  const ended = model.endings.some((ending) => ending.client === page.client && ending.at >= began)
  const isUnsure = model.logins.some((one) => one.client === page.client && one.state === 'maybe')
  const isOther = then !== undefined && then.sub !== sub && isSurelyLive(then) && then === login
  const wasAway = Date.now() >= began + PENDING_MS
  const isTrouble = isExcusable || google.trouble.ended * 1000 >= began
  const isExplained: Record<string, boolean> = {
    ok: isWhole && credentials !== undefined && !(isOther && page.mode === 'cookie'),
    access_denied: agrees === 'none' || ended || isUnsure,
    consent_required: !isWhole || isExcusable,
    invalid_request: wasAway,
    account_mismatch: login !== undefined && page.mode === 'cookie',
    invalid_grant: ended || isUnsure || isExcusable,
    temporarily_unavailable: isTrouble,
    server_error: isTrouble,
  }
  const result = error ?? 'ok'
  const faults = isExplained[result] ? [] : [`${result} after ${agrees} of ${granted || 'nothing'}`]
  if (!answer) return faults
  if (answer.status !== 200) return [...faults, ...faultsOfError(answer)]
  return [...faults, ...faultsOfToken(answer, page.mode, bundle, SCOPES[bundle])]
}
