/** The invariants: what holds for every answer, whatever failed before. */

import type { SessionResponse } from '../../src/protocol/http.ts'
import type { Answer } from '../support/broker.ts'
import { failed, faultsOfError, faultsOfToken } from './answers.ts'
import type { FaultyGoogle } from './google.ts'
import { type Ending, endedSince, isSurelyLive, type Login, type Model, NONE } from './model.ts'
import { type Page, SCOPES, type TokenOptions } from './pages.ts'
import type { Bundle } from './steps.ts'

/** What an answer is checked against. */
export interface Context {
  google: FaultyGoogle
  model: Model
  consistency: 'edge' | 'strict'
  /** Whether all faults ended long ago. */
  isCalm: boolean
  /** When an object last died, or its storage failed. */
  crashed_at: number
  /** Whether the storage of an object has failed. */
  storage_failed: boolean
}

/** A request and when it was sent. */
export interface SentRequest {
  page: Page
  login: Login
  began: number
  /** Index of its step. */
  step: number
}

/** How long a location may read an old record, in milliseconds: a minute until a write arrives, and a minute in its cache. */
const EDGE_GRACE_MS = 120_000

/** How long a fault at Google has effects, in seconds; the longest Retry-After is 300. */
const TROUBLE_SECONDS = 400

/** The broker counts lifetimes in whole seconds, from before the request. */
const ROUNDING_SECONDS = 2

/** @returns what is wrong with the answer to a token request */
export function judgeToken(
  context: Context,
  sent: SentRequest & {
    bundle: Bundle
    options: TokenOptions
    rejected_token?: string | undefined
  },
  answer: Answer<object>,
): string[] {
  const { page, bundle, options } = sent
  if (answer.status !== 200) {
    const isAllowed = page.bundles.includes(bundle)
    const { error } = answer.body
    if (error === 'slow_down') return options.rejected === undefined ? ['429 without rejected'] : []
    if (error === 'access_denied') return isAllowed ? ['access_denied for its own bundle'] : []
    return judgeRefusal(context, sent, answer)
  }
  const { access_token, expires_in } = answer.body as { access_token: string; expires_in: number }
  const enough = Math.min(options.min_ttl ?? 300, 3590)
  const issued = context.google.issued.get(access_token)
  const left = (issued?.expires_at ?? 0) - sent.began / 1000
  return [
    ...faultsOfToken(answer, page.mode, bundle, SCOPES[bundle]),
    ...failed('200', [
      [page.bundles.includes(bundle), 'a token of a bundle the client may not have'],
      [
        issued !== undefined && expires_in <= issued.expires_at - Date.now() / 1000 + 0.001,
        'expires_in is too long',
      ],
      [access_token !== sent.rejected_token, 'the token that was rejected'],
      [
        left >= enough || isExcused(context, sent) || mayBeShort(context, access_token),
        `${expires_in} seconds are left of ${enough}`,
      ],
    ]),
    ...judgeLogin(context, sent),
    ...judgeOrigin(context, sent, access_token),
  ]
}

/** Checks that a token comes from a consent of this user, through this client, to exactly these scopes, that has not ended. */
function judgeOrigin(
  { google, model, consistency }: Context,
  { login: { sub, client }, bundle, began }: SentRequest & { bundle: Bundle },
  access_token: string,
): string[] {
  const issued = google.issued.get(access_token)
  const flow = issued && model.flows.get(issued.code)
  if (!issued || !flow) return ['200: a token that Google never issued']
  const faults: string[] = []
  if (issued.sub !== sub || flow.sub !== sub) faults.push("200: another subject's token")
  if (flow.isOpen) faults.push('200: a token of a consent whose code was never redeemed')
  if (flow.client !== client) faults.push("200: another client's token")
  if (issued.scope !== SCOPES[bundle]) faults.push("200: another bundle's token")
  const scopes = [SCOPES[bundle], google.scopeOf(issued.code)]
  for (const ending of model.endings) {
    const isItsOwn = ending.sub === sub && ending.client === client && flow.began <= ending.at
    const isAbout = ending.kind === 'disconnected' || scopes.includes(ending.scope ?? '')
    if (ending.kind === 'session' || !isItsOwn || !isAbout) continue
    if (!isTolerated(ending, consistency, began))
      faults.push(`200: a token that was ${ending.kind}`)
  }
  return faults
}

/** With `edge`, an ended token may be issued until KV has it at every location; with `strict`, never. */
function isTolerated(
  { clean_at }: Pick<Ending, 'clean_at'>,
  consistency: Context['consistency'],
  began: number,
): boolean {
  return consistency === 'edge' && (clean_at === undefined || began < clean_at + EDGE_GRACE_MS)
}

/** Checks that the session of an accepted request has not ended. */
function judgeLogin({ consistency }: Context, { login, began }: SentRequest): string[] {
  const since = endedSince(login)
  if (since === undefined) return []
  const ending = login.ending ?? { clean_at: since }
  return isTolerated(ending, consistency, began) ? [] : ['accepted, although the session had ended']
}

/** @returns what is wrong with a refusal */
export function judgeRefusal(
  context: Context,
  sent: SentRequest & { bundle?: Bundle; rejected_token?: string | undefined },
  answer: Answer<object>,
): string[] {
  const { google, isCalm } = context
  const { login, page, bundle } = sent
  const error: string = answer.body.error ?? '(none)'
  const faults = faultsOfError(answer)
  const check = (ok: boolean, what: string): void => {
    if (!ok) faults.push(`${answer.status} ${error}: ${what}`)
  }
  switch (error) {
    case 'login_required':
    case 'invalid_grant':
      check(page.mode === 'oauth' || error === 'login_required', 'is not said in cookie mode')
      check(!isSurelyLive(login), 'a session was lost')
      break
    case 'consent_required':
      check(bundle !== undefined && answer.body.bundle === bundle, 'names another bundle')
      if (bundle) faults.push(...judgeLoss(context, sent.login, bundle))
      break
    case 'temporarily_unavailable':
      check(isExcused(context, sent), 'without a fault')
      check(
        !bundle || isCalm || !holdsValidToken(context, sent, bundle),
        'although a valid token is held',
      )
      break
    case 'server_error':
      check(!isCalm && google.trouble.misconfigured > 0, 'without a misconfiguration')
      break
    default:
      check(false, 'is no answer to this')
  }
  return faults
}

/** Checks that the broker has not lost a grant that is valid at Google. */
function judgeLoss(
  { google, model, isCalm }: Context,
  { sub, client }: Login,
  bundle: Bundle,
): string[] {
  const possible = [...model.possible(sub, client, SCOPES[bundle])]
  const isHonoured = possible.every((code) => code !== NONE && google.isAlive(code))
  const isInexact = !isCalm && [...google.met.keys()].some((name) => /scope$/.test(name))
  return isHonoured && !isInexact
    ? ['403 consent_required: a grant was lost that is valid at Google']
    : []
}

/** @returns whether a fault at Google or the death of an object may have caused a failure */
export function isExcused(
  { google, crashed_at, isCalm }: Context,
  { began }: { began: number },
): boolean {
  if (isCalm) return false
  return crashed_at >= began || Date.now() / 1000 < google.trouble.last + TROUBLE_SECONDS
}

/** @returns whether a token may have a short lifetime */
function mayBeShort({ google }: Context, token: string): boolean {
  const { code, expires_at } = google.issued.get(token) ?? { code: '', expires_at: 0 }
  const end = Object.values(google.simulator.world.refresh_tokens).find((one) => one.code === code)
  const isLimited = end?.expires_at !== undefined && expires_at >= end.expires_at - ROUNDING_SECONDS
  const shortened = google.met.has('refresh: short life') || google.met.has('code: short life')
  return isLimited || shortened || !google.isAlive(code)
}

/** @returns whether the broker certainly holds a valid token of a bundle, so that an outage at Google is invisible */
function holdsValidToken(
  { google, model, crashed_at }: Context,
  { login, began, rejected_token }: SentRequest & { rejected_token?: string | undefined },
  bundle: Bundle,
): boolean {
  if (crashed_at >= began) return false
  const { sub, client } = login
  if (model.certain(sub, client, SCOPES[bundle]) === undefined) return false
  const last = [...google.issued].filter(([, { code, scope, isStored }]) => {
    const flow = model.flows.get(code)
    return isStored && scope === SCOPES[bundle] && flow?.sub === sub && flow.client === client
  })
  const [token, issued] = last.at(-1) ?? []
  const until = issued?.delivered_until ?? 0
  return token !== rejected_token && until > Date.now() / 1000 + ROUNDING_SECONDS
}

/** @returns what is wrong with the answer of `GET /session` */
export function judgeSession(
  context: Context,
  sent: SentRequest,
  answer: Answer<object>,
): string[] {
  if (answer.status !== 200) return judgeRefusal(context, sent, answer)
  const { sub, client, bundles } = answer.body as SessionResponse
  const { login, page } = sent
  const faults = judgeLogin({ ...context, consistency: 'strict' }, sent)
  if (sub !== login.sub || client !== login.client)
    faults.push('200: names another subject or client')
  if (Object.keys(bundles).join() !== page.bundles.join()) faults.push('200: other bundles')
  for (const bundle of page.bundles) {
    const status = bundles[bundle]?.status
    const possible = context.model.possible(login.sub, login.client, SCOPES[bundle])
    const album = context.model.possible(login.sub, login.client, SCOPES.album)
    const isNone = [...possible].join() === NONE
    const isCovered = bundle === 'upload' && [...album].join() !== NONE
    if (status === 'ready' && isNone && !isCovered) faults.push(`200: ${bundle} is not ready`)
    if (status === 'consent_required') faults.push(...judgeLoss(context, login, bundle))
    if (status === 'unavailable' && context.isCalm) faults.push(`200: ${bundle} is unavailable`)
  }
  return faults
}
