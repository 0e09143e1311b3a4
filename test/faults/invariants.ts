/** This file is what has to hold of every answer, whatever happened (design.md §6). */

import type { SessionResponse } from '../../src/protocol/http.ts'
import type { Answer } from '../support/broker.ts'
import { type Belief, deadSince, type Ending, isSurelyLive, type Login, NONE } from './belief.ts'
import { type Page, SCOPES, type Wish } from './cast.ts'
import { faultsOfError, faultsOfToken } from './contract.ts'
import type { FaultyGoogle } from './google.ts'
import type { Bundle } from './steps.ts'

/** What an answer is judged by. */
export interface Scene {
  google: FaultyGoogle
  belief: Belief
  consistency: 'edge' | 'strict'
  /** Whether everything has been well for a long time. */
  isCalm: boolean
  /** Story time at which an object last died. */
  crashed_at: number
}

/** A request and how it began. */
export interface Asked {
  page: Page
  login: Login
  began: number
}

/** KV may show a location what was, this long: a minute until a write arrives, a minute in its cache. */
const EDGE_GRACE_MS = 120_000

/** No trouble at Google is felt longer: its longest Retry-After is 300 seconds. */
const TROUBLE_SECONDS = 400

/** The broker reckons from before a request, and in whole seconds. */
const ROUNDING_SECONDS = 2

/** Judges the answer to a request for a token. */
export function judgeToken(
  scene: Scene,
  asked: Asked & { bundle: Bundle; wish: Wish; rejected_token?: string | undefined },
  answer: Answer<object>,
): string[] {
  const { page, bundle, wish } = asked
  if (answer.status !== 200) {
    const isAllowed = page.bundles.includes(bundle)
    const { error } = answer.body
    if (error === 'slow_down') return wish.rejected === undefined ? ['429 without rejected'] : []
    if (error === 'access_denied') return isAllowed ? ['access_denied for its own bundle'] : []
    return judgeRefusal(scene, asked, answer)
  }
  const { access_token, expires_in } = answer.body as { access_token: string; expires_in: number }
  const enough = Math.min(wish.min_ttl ?? 300, 3590)
  const issued = scene.google.issued.get(access_token)
  const faults: [boolean, string][] = [
    [page.bundles.includes(bundle), 'a token of a bundle the client may not have'],
    [expires_in > 0, 'an expired token'],
    [
      issued !== undefined && expires_in <= issued.expires_at - Date.now() / 1000 + 0.001,
      'a token said to live longer than it does',
    ],
    [access_token !== asked.rejected_token, 'the very token that was said to be refused'],
    [
      (issued?.expires_at ?? 0) - asked.began / 1000 >= enough ||
        isExcused(scene, asked) ||
        isShortLived(scene, access_token),
      `${expires_in} seconds of life where ${enough} were asked for`,
    ],
  ]
  return [
    ...faultsOfToken(answer, page.mode, bundle, SCOPES[bundle]),
    ...faults.filter(([isWell]) => !isWell).map(([, what]) => `200: ${what}`),
    ...judgeLogin(scene, asked),
    ...judgeOrigin(scene, asked, access_token),
  ]
}

/** A token comes from a consent of this user, through this client, to exactly these scopes, that has not ended. */
function judgeOrigin(
  { google, belief, consistency }: Scene,
  { login: { sub, client }, bundle, began }: Asked & { bundle: Bundle },
  access_token: string,
): string[] {
  const issued = google.issued.get(access_token)
  const flow = issued && belief.flows.get(issued.code)
  if (!issued || !flow) return ['200: a token that Google never issued']
  const faults: string[] = []
  if (issued.sub !== sub || flow.sub !== sub) faults.push("200: another subject's token")
  if (flow.isOpen) faults.push('200: a token of a consent whose code was never redeemed')
  if (flow.client !== client) faults.push("200: another client's token")
  if (issued.scope !== SCOPES[bundle]) faults.push("200: another bundle's token")
  const scopes = [SCOPES[bundle], google.scopeOf(issued.code)]
  for (const ending of belief.endings) {
    const isItsOwn = ending.sub === sub && ending.client === client && flow.began <= ending.at
    const isAbout = ending.kind === 'disconnected' || scopes.includes(ending.scope ?? '')
    if (ending.kind === 'session' || !isItsOwn || !isAbout) continue
    if (!isTolerated(ending, consistency, began))
      faults.push(`200: a token that was ${ending.kind}`)
  }
  return faults
}

/** With `edge`, what ended is over within a minute or two of the broker having told KV; with `strict`, at once. */
function isTolerated(
  { clean_at }: Ending,
  consistency: Scene['consistency'],
  began: number,
): boolean {
  return consistency === 'edge' && (clean_at === undefined || began < clean_at + EDGE_GRACE_MS)
}

/** Whoever is let in has a session that lives. */
function judgeLogin({ consistency }: Scene, { login, began }: Asked): string[] {
  const since = deadSince(login)
  if (since === undefined) return []
  const ending = login.ending ?? {
    kind: 'session',
    sub: '',
    client: '',
    at: since,
    clean_at: since,
  }
  return isTolerated(ending, consistency, began) ? [] : ['let in with a session that had ended']
}

/** Judges any other answer than success. */
export function judgeRefusal(
  scene: Scene,
  asked: Asked & { bundle?: Bundle; rejected_token?: string | undefined },
  answer: Answer<object>,
): string[] {
  const { google, isCalm } = scene
  const { login, page, bundle } = asked
  const error: string = answer.body.error ?? '(none)'
  const faults = faultsOfError(answer)
  const say = (isWell: boolean, what: string): void => {
    if (!isWell) faults.push(`${answer.status} ${error}: ${what}`)
  }
  switch (error) {
    case 'login_required':
    case 'invalid_grant':
      say(page.mode === 'oauth' || error === 'login_required', 'is not said in cookie mode')
      say(!isSurelyLive(login), 'a session was lost')
      break
    case 'consent_required':
      say(bundle !== undefined && answer.body.bundle === bundle, 'names another bundle')
      if (bundle) faults.push(...judgeLoss(scene, asked.login, bundle))
      break
    case 'temporarily_unavailable':
      say(isExcused(scene, asked), 'although all is well')
      say(!bundle || isCalm || !holdsLife(scene, asked, bundle), 'although a live token is held')
      break
    case 'server_error':
      say(!isCalm && google.trouble.misconfigured > 0, 'although nothing of the broker is wrong')
      break
    default:
      say(false, 'is no answer to this')
  }
  return faults
}

/** A grant that Google still honours is not lost: whatever failed, it serves. */
function judgeLoss(
  { google, belief, isCalm }: Scene,
  { sub, client }: Login,
  bundle: Bundle,
): string[] {
  const possible = [...belief.possible(sub, client, SCOPES[bundle])]
  const isHonoured = possible.every((code) => code !== NONE && google.honours(code))
  const isInexact = !isCalm && [...google.met.keys()].some((name) => /scope$/.test(name))
  return isHonoured && !isInexact
    ? ['403 consent_required: a grant was lost that Google honours']
    : []
}

/** Whether Google, or the death of an object, may be why something failed. */
export function isExcused(
  { google, crashed_at, isCalm }: Scene,
  { began }: { began: number },
): boolean {
  if (isCalm) return false
  return crashed_at >= began || Date.now() / 1000 < google.trouble.last + TROUBLE_SECONDS
}

/** A token that Google, or its person, gave a short life. */
function isShortLived({ google }: Scene, token: string): boolean {
  const { code, expires_at } = google.issued.get(token) ?? { code: '', expires_at: 0 }
  const end = Object.values(google.simulator.world.refresh_tokens).find((one) => one.code === code)
  const isLimited = end?.expires_at !== undefined && expires_at >= end.expires_at - ROUNDING_SECONDS
  const shortened = google.met.has('refresh: short life') || google.met.has('code: short life')
  return isLimited || shortened || !google.honours(code)
}

/** Whether the broker certainly holds a token of this bundle that lives: then an outage at Google is invisible. */
function holdsLife(
  { google, belief, crashed_at }: Scene,
  { login, began, rejected_token }: Asked & { rejected_token?: string | undefined },
  bundle: Bundle,
): boolean {
  if (crashed_at >= began) return false
  const { sub, client } = login
  if (belief.certain(sub, client, SCOPES[bundle]) === undefined) return false
  const last = [...google.issued].filter(([, { code, scope, isKept }]) => {
    const flow = belief.flows.get(code)
    return isKept && scope === SCOPES[bundle] && flow?.sub === sub && flow.client === client
  })
  const [token, issued] = last.at(-1) ?? []
  const until = issued?.told_until ?? 0
  return token !== rejected_token && until > Date.now() / 1000 + ROUNDING_SECONDS
}

/** Judges what a session is told of its bundles. */
export function judgeSession(scene: Scene, asked: Asked, answer: Answer<object>): string[] {
  if (answer.status !== 200) return judgeRefusal(scene, asked, answer)
  const { sub, client, bundles } = answer.body as SessionResponse
  const { login, page } = asked
  const faults = judgeLogin({ ...scene, consistency: 'strict' }, asked)
  if (sub !== login.sub || client !== login.client)
    faults.push('200: names another subject or client')
  if (Object.keys(bundles).join() !== page.bundles.join()) faults.push('200: other bundles')
  for (const bundle of page.bundles) {
    const status = bundles[bundle]?.status
    const possible = scene.belief.possible(login.sub, login.client, SCOPES[bundle])
    const album = scene.belief.possible(login.sub, login.client, SCOPES.album)
    const isNone = [...possible].join() === NONE
    const isCovered = bundle === 'upload' && [...album].join() !== NONE
    if (status === 'ready' && isNone && !isCovered) faults.push(`200: ${bundle} is not ready`)
    if (status === 'consent_required') faults.push(...judgeLoss(scene, login, bundle))
    if (status === 'unavailable' && scene.isCalm) faults.push(`200: ${bundle} is unavailable`)
  }
  return faults
}
