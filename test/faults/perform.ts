/** Performs the steps of a run: sends requests, checks the answers, and updates the model. */

import { env } from 'cloudflare:workers'
import { decodeJwt } from 'jose'
import { SENTENCES } from '../../src/reasons.ts'
import { type Answer, answerOf, broker } from '../support/broker.ts'
import { sha256 } from '../support/frontend.ts'
import { hostileKv } from '../support/worker.ts'
import { faultsOfError, findSecret } from './answers.ts'
import { leave, returnFromGoogle } from './consent.ts'
import * as environment from './environment.ts'
import { judgeRefusal, judgeSession, judgeToken, type SentRequest } from './invariants.ts'
import { type Ending, endLogin, isSameSubject, isSurelyLive, type Login } from './model.ts'
import { SCOPES, type TokenOptions } from './pages.ts'
import { beginRequest, type RunState, type Slot } from './state.ts'
import type { Bundle, Step } from './steps.ts'

/** The claims of an event about revoked tokens. */
interface Revocation {
  events: Record<string, { subject: { sub: string } }>
}

/** The broker rejects an event older than this. */
const WEEK_SECONDS = 7 * 24 * 60 * 60

/** How long after a failed discovery the broker does not ask again, in seconds; until then it may not know the revocation endpoint. */
const DISCOVERY_COOL_DOWN_SECONDS = 5

/** Storage fails in `npm run soak` only: what it finds is mended there, and stops nobody else's work. */
const { FAULTS_SEED, FAULTS_MINUTES } = env as unknown as Record<string, string>
const isSoak = `${FAULTS_SEED}${FAULTS_MINUTES}` !== ''

/** A step that ends something at the broker. */
type EndingStep = Extract<Step, { do: 'log out' | 'forget' | 'disconnect' }>

/** Performs a step. A request that is held at Google ends during a later step. */
export async function perform(run: RunState, step: Step): Promise<void> {
  const { google, slots } = run
  const at = run.steps.length - 1
  const slot = slots['page' in step ? step.page : 0] as Slot
  switch (step.do) {
    case 'connect':
      return run.begin('connect', async () => {
        const refused = await leave(run, slot, step.bundle, at)
        return refused.length > 0 ? refused : returnFromGoogle(run, slot, step, at)
      })
    case 'leave':
      return run.begin('leave', () => leave(run, slot, step.bundle, at))
    case 'return':
      return run.begin('return', () => returnFromGoogle(run, slot, step, at))
    case 'ask': {
      const login = step.before ? slot.previous : slot.login
      if (!login) return
      for (const bundle of step.bundles)
        for (let tab = 0; tab < step.tabs; tab++)
          run.begin(`ask ${bundle}`, () => ask(run, slot, login, bundle, step))
      return
    }
    case 'read session': {
      const login = step.before ? slot.previous : slot.login
      if (login) run.begin('read session', () => readSession(run, slot, login))
      return
    }
    case 'log out':
    case 'forget':
    case 'disconnect': {
      const { login } = slot
      if (login) run.begin(step.do, () => end(run, slot, login, step))
      return
    }
    case 'remove app':
      return google.removeApp(environment.SUBS[step.account])
    case 'deliver event': {
      const event = google.events.shift()
      if (!event) return
      if (step.twice) google.events.push(event.clone())
      return run.begin('deliver event', () => deliverEvent(run, event))
    }
    case 'wait':
      return environment.advance(step.seconds)
    case 'alarms':
      return run.begin('alarms', async () => {
        await environment.runAlarms()
        return []
      })
    case 'crash':
      return crash(run, slot)
    case 'storage fails':
      return failStorage(run, slot, step)
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
      return environment.setKv(step.is)
  }
}

/** Delivers an event of Google; after a 503 Google repeats it later. */
async function deliverEvent(run: RunState, event: Request): Promise<string[]> {
  const step = run.steps.length - 1
  const again = event.clone()
  const { iat = 0, events } = decodeJwt<Revocation>(await event.clone().text())
  const answer = await answerOf<object>(await broker(event))
  run.record(step, answer)
  if (answer.status !== 400)
    // after a 503 some subjects have ended, and others not
    for (const { subject } of Object.values(events)) run.google.markRevoked(subject.sub, iat)
  if (answer.status === 503) run.google.events.push(again)
  const isOver = Date.now() / 1000 > iat + WEEK_SECONDS
  const expected = isOver ? [400, 503] : [202, 503]
  if (!expected.includes(answer.status)) return [`an event was answered ${answer.status}`]
  return answer.status === 503 ? faultsOfError(answer) : []
}

/** Asks for a token. */
export async function ask(
  run: RunState,
  slot: Slot,
  login: Login,
  bundle: Bundle,
  { min_ttl, rejects }: { min_ttl?: number | undefined; rejects: boolean },
): Promise<string[]> {
  const request = beginRequest(run, slot, login)
  const rejected_token = rejects ? slot.tokens.get(bundle) : undefined
  const options: TokenOptions = {
    ...(min_ttl === undefined ? {} : { min_ttl }),
    ...(rejected_token === undefined ? {} : { rejected: await sha256(rejected_token) }),
  }
  const sent = { ...request, began: Date.now(), bundle, options, rejected_token }
  const answer = await slot.page.ask(login.credentials, bundle, options)
  run.record(sent.step, answer)
  const faults = judgeToken(run, sent, answer)
  const { access_token } = answer.body as { access_token?: string }
  if (access_token !== undefined) {
    login.used_at = sent.began
    if (login === slot.login) slot.tokens.set(bundle, access_token)
  }
  return [...faults, ...secretsIn(run, answer, access_token)]
}

/** Reads the session. */
export async function readSession(run: RunState, slot: Slot, login: Login): Promise<string[]> {
  const sent = beginRequest(run, slot, login)
  const answer = await slot.page.call(login.credentials, 'GET', '/session')
  run.record(sent.step, answer)
  if (answer.status === 200) login.used_at = sent.began
  return [...judgeSession(run, sent, answer), ...secretsIn(run, answer)]
}

/** Logs out, forgets a bundle, or disconnects. */
async function end(run: RunState, slot: Slot, login: Login, step: EndingStep): Promise<string[]> {
  const { model } = run
  const { page } = slot
  const sent = beginRequest(run, slot, login)
  const wasLive = isSurelyLive(login)
  const ending = endingOf(step, login, sent.began)
  const wasStored = model.certain(login.sub, login.client, ending.scope ?? '') !== undefined
  const isAll = step.do === 'log out' && step.all && page.mode === 'cookie'
  const ended = model.logins.filter(
    (one) => step.do === 'log out' && (one === login || (isAll && isSameSubject(one, login))),
  )
  if (login.state !== 'ended') model.mayEnd(ending)
  for (const one of ended) if (one.state === 'live') one.state = 'maybe'
  const answer = await send(page, login, step)
  run.record(sent.step, answer)
  const { error } = answer.body
  if (error !== undefined && !hasEndedHere(run, answer)) {
    if (step.do === 'forget' && !page.bundles.includes(step.bundle) && error === 'access_denied')
      return []
    const isLost = wasLive && (error === 'login_required' || error === 'invalid_grant')
    return [...judgeRefusal(run, sent, answer), ...(isLost ? ['a session was lost'] : [])]
  }
  if (!wasLive) return []
  const faults = step.do === 'disconnect' ? notRevoked(run, sent) : []
  if (step.do === 'disconnect' || (step.do === 'forget' && wasStored)) model.ends(ending)
  if (step.do === 'log out') {
    model.endings.push(ending)
    for (const one of ended) endLogin(one, ending)
  }
  return faults
}

/** Whether it has ended, and the answer says that KV has not taken that. */
function hasEndedHere({ consistency }: RunState, { status, body }: Answer<object>): boolean {
  const { writes, answers } = hostileKv.down
  const isRefusing = consistency === 'edge' && (writes || answers === true)
  return (
    isRefusing &&
    status === 503 &&
    body.error_description === SENTENCES.temporarily_unavailable.kv_refuses
  )
}

function endingOf(step: EndingStep, { sub, client }: Login, at: number): Ending {
  if (step.do === 'disconnect') return { kind: 'disconnected', sub, client, at }
  if (step.do === 'log out') return { kind: 'session', sub, client, at }
  return { kind: 'forgotten', sub, client, at, scope: SCOPES[step.bundle] }
}

/** A disconnected grant is revoked at Google at once, if Google could be reached. */
function notRevoked(run: RunState, { began, login }: SentRequest): string[] {
  const { model, google, crashed_at } = run
  const { last, discovery } = google.trouble
  const trouble = Math.max(last, discovery + DISCOVERY_COOL_DOWN_SECONDS)
  if (trouble * 1000 >= began || crashed_at >= began) return []
  const theirs = [...model.flows].filter(([, one]) => isSameSubject(one, login))
  const isNewer = theirs.some(([, flow]) => flow.began > began)
  const isLeft = theirs.some(([code, flow]) => flow.isHeld && google.isAlive(code))
  return isLeft && !isNewer ? ['a disconnected grant lives on at Google'] : []
}

function send(
  page: Slot['page'],
  { credentials }: Login,
  step: EndingStep,
): Promise<Answer<object>> {
  if (step.do === 'log out') return page.logOut(credentials, step.all)
  const path = step.do === 'forget' ? `/grants/${step.bundle}` : '/grants'
  return page.call(credentials, 'DELETE', path)
}

async function crash(run: RunState, { login }: Slot): Promise<void> {
  if (!login) return
  const { model, google } = run
  run.crashed_at = Date.now()
  google.forgetCalls((code) => {
    const flow = model.flows.get(code)
    return flow !== undefined && isSameSubject(flow, login)
  })
  if (run.storage_failed) model.mayLose(login) // a refresh that was not stored is in memory only
  await environment.crash(login)
}

async function failStorage(
  run: RunState,
  { login }: Slot,
  step: { skip: number; times: number },
): Promise<void> {
  const onFailure = (): void => {
    run.crashed_at = Date.now()
    run.storage_failed = true
    run.google.trouble.last = Date.now() / 1000 // a refresh that was not stored backs off, too
  }
  if (login && isSoak) await environment.failStorage(login, step, onFailure)
}

function secretsIn(run: RunState, answer: Answer<object>, issued_token?: string): string[] {
  const text = `${JSON.stringify(answer.body)} ${JSON.stringify([...answer.headers])}`
  const what = findSecret(run.google, text, { issued_token })
  return what === undefined ? [] : [`the answer holds ${what}`]
}
