/** The state of a run: pages with their logins, requests that are open, results and violations. */

import type { Answer } from '../support/broker.ts'
import { nextTick } from './environment.ts'
import { type FaultyGoogle, openGoogle } from './google.ts'
import type { Context, SentRequest } from './invariants.ts'
import { createModel, type Login, type Model } from './model.ts'
import { openPage, PAGES, type Page } from './pages.ts'
import type { Bundle, Schedule } from './steps.ts'

/** A consent whose user is at Google. */
export interface PendingConsent {
  bundle: Bundle
  /** URL at Google. */
  at: URL
  began: number
  /** The login of the page when the consent began. */
  login: Login | undefined
}

/** A page with its logins and tokens. */
export interface Slot {
  number: number
  page: Page
  login?: Login | undefined
  /** The login before this one; some steps use its credentials. */
  previous?: Login | undefined
  pending?: PendingConsent | undefined
  /** The last access token by bundle. */
  tokens: Map<Bundle, string>
}

/** A run in progress. */
export interface RunState extends Context {
  readonly google: FaultyGoogle
  readonly model: Model
  readonly slots: readonly Slot[]
  /** One line for each step so far, with its results. */
  readonly steps: string[]
  readonly violations: string[]
  /** How often each answer occurred. */
  readonly answers: Map<string, number>
  /** Starts a request; if a call at Google is held, it ends during a later step. */
  begin(what: string, request: () => Promise<string[]>): void
  /** Waits until every open request has ended or is held at Google. */
  settle(): Promise<void>
  /** Counts an answer and adds it to the line of its step; a text is only added. */
  record(step: number, answer: Answer<object> | string): void
}

/** Milliseconds of real time without any progress after which the open requests count as held. */
const QUIET_MS = 8

/** Milliseconds of real time after which a request that is not held counts as never answered. */
const NEVER_MS = 9_000

/** Starts a run. */
export async function startRun({ consistency, publishing }: Schedule): Promise<RunState> {
  const google = openGoogle(publishing)
  const open = new Set<Promise<void>>()
  const pages = await Promise.all(PAGES.map((_, number) => openPage(number)))
  const run: RunState = {
    google,
    consistency,
    model: createModel(),
    isCalm: false,
    crashed_at: 0,
    storage_failed: false,
    slots: pages.map((page, number) => ({ number, page, tokens: new Map() })),
    steps: [],
    violations: [],
    answers: new Map(),
    begin(what, request) {
      const step = run.steps.length
      const ended = request()
        .catch((error: unknown) => [`threw ${error instanceof Error ? error.stack : error}`])
        .then((faults) => {
          for (const fault of faults) run.violations.push(`step ${step}, ${what}: ${fault}`)
        })
        .finally(() => open.delete(ended))
      open.add(ended)
    },
    async settle() {
      let quiet = 0
      let state = ''
      for (let waited = 0; open.size > 0 && quiet < QUIET_MS; waited++) {
        if (waited > NEVER_MS) {
          run.violations.push(`step ${run.steps.length}: ${open.size} requests got no answer`)
          break
        }
        await nextTick()
        const held = [...google.calls].filter(({ isHeld }) => isHeld).length
        const now = `${open.size} ${google.calls.size} ${held}`
        quiet = held > 0 && held === google.calls.size && now === state ? quiet + 1 : 0
        state = now
      }
      for (let tick = 0; tick < 3; tick++) await nextTick() // work after the answer
    },
    record(step, answer) {
      let result = answer
      if (typeof result === 'object') {
        const { status, body } = result
        result = body.error === undefined ? String(status) : `${status} ${body.error}`
        run.answers.set(result, (run.answers.get(result) ?? 0) + 1)
      }
      run.steps[step] = `${run.steps[step]} → ${result}`
    },
  }
  return run
}

/** Begins a request with the credentials of a login. */
export function beginRequest(run: RunState, { page }: Slot, login: Login): SentRequest {
  login.tried_at = Date.now()
  return { page, login, began: Date.now(), step: run.steps.length - 1 }
}
