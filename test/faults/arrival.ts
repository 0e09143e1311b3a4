/** This file is connecting: a person goes to Google and comes back, and what came of it is judged and believed. */

import { PENDING_SECONDS } from '../../src/session/pending-authorization.ts'
import { type Ending, endLogin, type Flow, isSurelyLive, type Login } from './belief.ts'
import { type Arrival, SCOPES } from './cast.ts'
import { faultsOfError, faultsOfToken } from './contract.ts'
import { isExcused } from './invariants.ts'
import { type Departure, flowOf, type Play, type Seat, tell } from './play.ts'
import { SUBS } from './stage.ts'
import type { Answering, Bundle } from './steps.ts'

/** An arrival at the page. */
type Landing = Exclude<Arrival, { at: URL } | { closed: true }>

/** Whoever is away for longer, is not expected any more. */
const PENDING_MS = PENDING_SECONDS * 1000

/** Sends the person of a page to Google. */
export async function leave(
  play: Play,
  seat: Seat,
  bundle: Bundle,
  step: number,
): Promise<string[]> {
  const began = Date.now()
  seat.away = undefined
  const departed = await seat.page.leave(bundle)
  if ('at' in departed) {
    seat.away = { bundle, at: departed.at, began, login: seat.login }
    return []
  }
  const { answer } = departed
  tell(play, step, play.count(answer))
  const isAllowed = seat.page.bundles.includes(bundle)
  const { error } = answer.body
  if (!isAllowed) return error === 'access_denied' ? [] : [`${error} for a bundle of others`]
  const isTrouble = error === 'temporarily_unavailable' || error === 'server_error'
  return isTrouble && isExcused(play, { began }) ? [] : [`/connect answered ${error}`]
}

/** Has the person of a page come back from Google; once more there, if the broker sends them. */
export async function comeBack(
  play: Play,
  seat: Seat,
  answering: Answering,
  step: number,
): Promise<string[]> {
  const { away } = seat
  if (!away) return []
  seat.away = undefined
  const sub = SUBS[answering.account]
  let { at, began } = away
  for (let hop = 0; hop < 3; hop++) {
    const back = await play.google.consent(at, {
      account: sub,
      cancel: answering.agrees === 'none',
      untick: answering.agrees === 'some' ? [SCOPES[away.bundle].split(' ').at(-1) ?? ''] : [],
      ...(answering.lasts === undefined ? {} : { lasts_seconds: answering.lasts }),
    })
    const flow = flowOf(play, seat, sub, began, back)
    const code = back.searchParams.get('code')
    const came_at = Date.now()
    const arrival = await seat.page.comeBack(back, answering.closes === true)
    if ('at' in arrival) {
      at = arrival.at
      began = came_at
      continue
    }
    if ('closed' in arrival) {
      flow.isOpen = true
      return []
    }
    const result = arrival.error ?? (arrival.answer ? play.count(arrival.answer) : 'ok')
    tell(play, step, result)
    if (code !== null) believe(play, away, arrival, flow, code)
    const faults = judge(play, seat, { ...away, began }, answering, arrival, code)
    const { access_token } = (arrival.answer?.body ?? {}) as { access_token?: string }
    if (arrival.credentials) sitDown(play, seat, away, arrival.credentials, flow, access_token)
    return faults
  }
  return ['the broker sent its user to Google three times']
}

/** What may be held now, and what certainly is. */
function believe(
  { belief, google }: Play,
  { bundle }: Departure,
  { credentials, error }: Landing,
  flow: Flow,
  code: string,
): void {
  const scope = google.scopeOf(code)
  if (scope === '') return
  const isKept = credentials !== undefined && scope === SCOPES[bundle] && error === undefined
  const isKeptInPart = credentials !== undefined && error === 'consent_required'
  if (isKept || isKeptInPart) google.keep(code)
  if (!google.hasDelivered(code)) {
    if (isKept) belief.holdsOld(flow, scope)
  } else if (isKept || isKeptInPart) belief.holds(flow, scope, code)
  else belief.mayHold(flow, scope, code)
}

/** Somebody comes to sit at a page: the login before may be over. */
function sitDown(
  { belief }: Play,
  seat: Seat,
  away: Departure,
  credentials: Login['credentials'],
  { sub, client }: Flow,
  access_token: string | undefined,
): void {
  const { login: old, page } = seat
  if (old && page.mode === 'cookie') {
    const ending: Ending = { kind: 'session', sub: old.sub, client, at: Date.now() - 1 }
    if (away.login === old && isSurelyLive(old)) {
      belief.endings.push(ending)
      endLogin(old, ending)
    } else if (old.state === 'live') old.state = 'maybe'
  }
  seat.previous = old ?? seat.previous
  seat.login = belief.login({ page: seat.number, sub, client, credentials })
  seat.tokens.clear()
  if (access_token !== undefined) seat.tokens.set(away.bundle, access_token)
}

/** Whether an arrival is what the person, Google and the history of this page account for. */
function judge(
  play: Play,
  { page, login }: Seat,
  { bundle, began, login: then }: Departure,
  { account, agrees }: Answering,
  { credentials, error: told, answer }: Landing,
  code: string | null,
): string[] {
  const { belief, google } = play
  const sub = SUBS[account]
  const error = told ?? answer?.body.error
  const granted = code === null ? '' : google.scopeOf(code)
  const isWhole = granted === SCOPES[bundle]
  const isExcusable = isExcused(play, { began })
  const ended = belief.endings.some((ending) => ending.client === page.client && ending.at >= began)
  const isUnsure = belief.logins.some((one) => one.client === page.client && one.state === 'maybe')
  const isAnothers = then !== undefined && then.sub !== sub && isSurelyLive(then) && then === login
  const faults: string[] = []
  const say = (isWell: boolean, what: string): void => {
    if (!isWell) faults.push(what)
  }
  say(
    !(isAnothers && page.mode === 'cookie') || error !== undefined,
    'another account took a session over',
  )
  if (answer && answer.status !== 200) faults.push(...faultsOfError(answer))
  if (answer?.status === 200)
    faults.push(...faultsOfToken(answer, page.mode, bundle, SCOPES[bundle]))
  switch (error) {
    case undefined:
      say(isWhole, 'ok, although not everything was granted')
      say(credentials !== undefined, 'ok without a session')
      break
    case 'access_denied':
      say(agrees === 'none' || ended || isUnsure, 'access_denied, although nobody denied it')
      break
    case 'consent_required':
      say(!isWhole || isExcusable, 'consent_required, although everything was granted')
      break
    case 'invalid_request':
      say(Date.now() >= began + PENDING_MS, 'invalid_request, although nobody was away for long')
      break
    case 'account_mismatch':
      say(login !== undefined && page.mode === 'cookie', 'account_mismatch without a session')
      break
    case 'invalid_grant':
      say(ended || isUnsure || isExcusable, 'invalid_grant for a good code')
      break
    case 'temporarily_unavailable':
    case 'server_error':
      say(isExcusable || google.trouble.ended * 1000 >= began, `${error}, although all is well`)
      break
    default:
      say(false, `${error} is no answer to this`)
  }
  return faults
}
