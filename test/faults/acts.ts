/** This file is the steps as they are done: what is sent to the broker, what has to come of it, and what is believed then. */

import { decodeJwt } from 'jose'
import { type Answer, answerOf, broker } from '../support/broker.ts'
import { sha256 } from '../support/frontend.ts'
import { hostileKv } from '../support/worker.ts'
import { comeBack, leave } from './arrival.ts'
import { type Ending, endLogin, isSurelyLive, type Login } from './belief.ts'
import { SCOPES, type Wish } from './cast.ts'
import { faultsOfError } from './contract.ts'
import { type Asked, judgeRefusal, judgeSession, judgeToken } from './invariants.ts'
import { asking, type Play, type Seat, tell } from './play.ts'
import { findSecret } from './secrets.ts'
import * as stage from './stage.ts'
import type { Bundle, Step } from './steps.ts'

/** An event that tells of revoked tokens. */
interface Revocation {
  events: Record<string, { subject: { sub: string } }>
}

/** An event that is older is not taken. */
const WEEK_SECONDS = 7 * 24 * 60 * 60

/** So long after a failure nobody asks where to revoke; an object that was never told cannot, then. */
const DISCOVERY_COOL_DOWN_SECONDS = 5

/** A step that ends something at the broker. */
type EndingStep = Extract<Step, { do: 'log out' | 'forget' | 'disconnect' }>

/** Does a step; what is held up goes on behind the next ones. */
export async function act(play: Play, step: Step): Promise<void> {
  const { google, seats } = play
  const at = play.told.length - 1
  const seat = seats['page' in step ? step.page : 0] as Seat
  switch (step.do) {
    case 'connect':
      return play.begin('connect', async () => {
        const refused = await leave(play, seat, step.bundle, at)
        return refused.length > 0 ? refused : comeBack(play, seat, step, at)
      })
    case 'leave':
      return play.begin('leave', () => leave(play, seat, step.bundle, at))
    case 'return':
      return play.begin('return', () => comeBack(play, seat, step, at))
    case 'ask': {
      const login = step.before ? seat.previous : seat.login
      if (!login) return
      for (const bundle of step.bundles)
        for (let tab = 0; tab < step.tabs; tab++)
          play.begin(`ask ${bundle}`, () => ask(play, seat, login, bundle, step, at))
      return
    }
    case 'look': {
      const login = step.before ? seat.previous : seat.login
      if (login) play.begin('look', () => look(play, seat, login, at))
      return
    }
    case 'log out':
    case 'forget':
    case 'disconnect': {
      const { login } = seat
      if (login) play.begin(step.do, () => end(play, seat, login, step, at))
      return
    }
    case 'redeem again':
      return play.begin('redeem again', () => redeemAgain(play, seat, at))
    case 'remove app':
      return google.removeApp(stage.SUBS[step.account])
    case 'hear': {
      const event = google.events.shift()
      if (!event) return
      if (step.twice) google.events.push(event.clone())
      return play.begin('hear', () => hear(play, event, at))
    }
    case 'wait':
      return stage.pass(step.seconds)
    case 'alarms':
      return play.begin('alarms', async () => {
        await stage.runAlarms()
        return []
      })
    case 'crash':
      return crash(play, seat)
    case 'evict':
      // It would wait for what is held, and for ever.
      if (seat.login && google.calls.size === 0) await stage.evict(seat.login)
      return
    case 'travel':
      hostileKv.location = step.to
      return
    case 'fault':
      return google.plan(step.fault, step.times)
    case 'hold':
      return google.hold(step.at, step.when)
    case 'release':
      return google.release()
    case 'kv':
      return stage.setKv(step.is)
    case 'swap':
      return seat.login && stage.swapRecords(seat.login)
  }
}

/** Google tells the broker an event, and again later where it was not taken; after a week it is not. */
async function hear(play: Play, event: Request, at: number): Promise<string[]> {
  const again = event.clone()
  const { iat = 0, events } = decodeJwt<Revocation>(await event.clone().text())
  const answer = await answerOf<object>(await broker(event))
  tell(play, at, play.count(answer))
  if (answer.status === 202)
    for (const { subject } of Object.values(events)) play.google.drop(subject.sub, iat)
  if (answer.status === 503) play.google.events.push(again)
  const isOver = Date.now() / 1000 > iat + WEEK_SECONDS
  const expected = isOver ? [400, 503] : [202, 503]
  if (!expected.includes(answer.status)) return [`an event was answered ${answer.status}`]
  return answer.status === 503 ? faultsOfError(answer) : []
}

/** Asks for a token. */
export async function ask(
  play: Play,
  seat: Seat,
  login: Login,
  bundle: Bundle,
  { min_ttl, rejects }: { min_ttl?: number | undefined; rejects: boolean },
  at: number,
): Promise<string[]> {
  const last = seat.tokens.get(bundle)
  const rejected_token = rejects ? last : undefined
  const wish: Wish = {
    ...(min_ttl === undefined ? {} : { min_ttl }),
    ...(rejected_token === undefined ? {} : { rejected: await sha256(rejected_token) }),
  }
  const asked = { ...asking(seat, login), bundle, wish, rejected_token }
  const answer = await seat.page.ask(login.credentials, bundle, wish)
  tell(play, at, play.count(answer))
  const faults = judgeToken(play, asked, answer)
  const { access_token } = answer.body as { access_token?: string }
  if (access_token !== undefined) {
    login.used_at = asked.began
    if (login === seat.login) seat.tokens.set(bundle, access_token)
  }
  return [...faults, ...secretsIn(play, answer, access_token)]
}

/** Asks what a session may have. */
export async function look(play: Play, seat: Seat, login: Login, at: number): Promise<string[]> {
  const asked = asking(seat, login)
  const answer = await seat.page.call(login.credentials, 'GET', '/session')
  tell(play, at, play.count(answer))
  if (answer.status === 200) login.used_at = asked.began
  return [...judgeSession(play, asked, answer), ...secretsIn(play, answer)]
}

/** Ends something at the broker. */
async function end(
  play: Play,
  seat: Seat,
  login: Login,
  step: EndingStep,
  at: number,
): Promise<string[]> {
  const { belief } = play
  const { sub, client } = login
  const asked = asking(seat, login)
  const wasLive = isSurelyLive(login)
  const ending = endingOf(step, login, asked.began)
  const wasHeld = belief.certain(sub, client, ending.scope ?? '') !== undefined
  const ended = endedBy(play, login, step, seat.page.mode)
  if (login.state !== 'ended') belief.mayEnd(ending)
  for (const one of ended) if (one.state === 'live') one.state = 'maybe'
  const answer = await send(seat.page, login, step)
  tell(play, at, play.count(answer))
  if (answer.body.error !== undefined) return judgeUnended(play, asked, step, answer, wasLive)
  if (!wasLive) return []
  const faults = step.do === 'disconnect' ? unrevoked(play, asked) : []
  if (step.do === 'disconnect' || (step.do === 'forget' && wasHeld)) belief.ends(ending)
  if (step.do === 'log out') {
    belief.endings.push(ending)
    for (const one of ended) endLogin(one, ending)
  }
  return faults
}

function endingOf(step: EndingStep, { sub, client }: Login, at: number): Ending {
  if (step.do === 'disconnect') return { kind: 'disconnected', sub, client, at }
  if (step.do === 'log out') return { kind: 'session', sub, client, at }
  return { kind: 'forgotten', sub, client, at, scope: SCOPES[step.bundle] }
}

/** An ending that was refused; by then the model takes the session for one that may be over. */
function judgeUnended(
  play: Play,
  asked: Asked,
  step: EndingStep,
  answer: Answer<object>,
  wasLive: boolean,
): string[] {
  const { error } = answer.body
  const isOthers = step.do === 'forget' && !asked.page.bundles.includes(step.bundle)
  if (isOthers && error === 'access_denied') return []
  const isLost = wasLive && (error === 'login_required' || error === 'invalid_grant')
  return [...judgeRefusal(play, asked, answer), ...(isLost ? ['a session was lost'] : [])]
}

/** What was disconnected is dead at Google at once, where Google could be told. */
function unrevoked(play: Play, { began, login: { sub, client } }: Asked): string[] {
  const { belief, google, crashed_at } = play
  const { last, discovery } = google.trouble
  const trouble = Math.max(last, discovery + DISCOVERY_COOL_DOWN_SECONDS)
  if (trouble * 1000 >= began || crashed_at >= began) return []
  const theirs = [...belief.flows].filter(([, one]) => one.sub === sub && one.client === client)
  const isNewer = theirs.some(([, flow]) => flow.began > began)
  const isLeft = theirs.some(([code, flow]) => flow.isHeld && google.honours(code))
  return isLeft && !isNewer ? ['a disconnected grant lives on at Google'] : []
}

/** The logins that a log-out ends. */
function endedBy(
  { belief }: Play,
  login: Login,
  step: EndingStep,
  mode: 'cookie' | 'oauth',
): Login[] {
  if (step.do !== 'log out') return []
  const isAll = step.all && mode === 'cookie'
  return belief.logins.filter(
    (one) => one === login || (isAll && one.sub === login.sub && one.client === login.client),
  )
}

async function send(
  page: Seat['page'],
  { credentials }: Login,
  step: EndingStep,
): Promise<Answer<object>> {
  switch (step.do) {
    case 'log out':
      return page.logOut(credentials, step.all)
    case 'forget':
      return page.call(credentials, 'DELETE', `/grants/${step.bundle}`)
    case 'disconnect':
      return page.call(credentials, 'DELETE', '/grants')
  }
}

/** A code that comes again may end what it began; it never does anything else. */
async function redeemAgain(play: Play, { login, page }: Seat, at: number): Promise<string[]> {
  const code = login?.credentials.code
  if (!login || code === undefined) return []
  const began = Date.now()
  if (login.state === 'live') login.state = 'maybe'
  const answer = await page.redeem(code)
  tell(play, at, play.count(answer))
  const { error } = answer.body
  const isExcused = error === 'temporarily_unavailable' && play.crashed_at >= began
  return error === 'invalid_grant' || isExcused ? [] : [`a used code was answered with ${error}`]
}

async function crash(play: Play, { login }: Seat): Promise<void> {
  if (!login) return
  play.crashed_at = Date.now()
  const { belief, google } = play
  google.forgetCalls((code) => {
    const flow = belief.flows.get(code)
    return flow?.sub === login.sub && flow.client === login.client
  })
  await stage.crash(login)
}

function secretsIn(play: Play, { body, headers }: Answer<object>, handed_out?: string): string[] {
  const text = `${JSON.stringify(body)} ${JSON.stringify([...headers])}`
  const what = findSecret(play.google, text, handed_out === undefined ? {} : { handed_out })
  return what === undefined ? [] : [`the answer holds ${what}`]
}
