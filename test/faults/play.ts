/** This file is a run while it goes on: the pages, what they hold, what is under way, and what was found wrong. */

import type { Answer } from '../support/broker.ts'
import { type Belief, createBelief, type Flow, type Login } from './belief.ts'
import { CAST, openPage, type Page } from './cast.ts'
import { type FaultyGoogle, openGoogle } from './google.ts'
import type { Asked, Scene } from './invariants.ts'
import { breathe } from './stage.ts'
import type { Bundle, Schedule } from './steps.ts'

/** Somebody who was sent to Google and has not come back. */
export interface Departure {
  bundle: Bundle
  /** Where they stand. */
  at: URL
  began: number
  /** The login their page had then. */
  login: Login | undefined
}

/** A page with what it holds. */
export interface Seat {
  number: number
  page: Page
  login?: Login | undefined
  /** The login before this one; its credentials are tried now and then. */
  previous?: Login | undefined
  away?: Departure | undefined
  /** The access token it was last given, by bundle. */
  tokens: Map<Bundle, string>
}

/** A run. */
export interface Play extends Scene {
  readonly google: FaultyGoogle
  readonly belief: Belief
  readonly seats: readonly Seat[]
  /** Every step so far, each with what came of it. */
  readonly told: string[]
  readonly violations: string[]
  /** How often each answer was given. */
  readonly answers: Map<string, number>
  /** Does something that may be held up; it goes on behind the next steps then. */
  begin(what: string, act: () => Promise<string[]>): void
  /** Waits until everything is done, or waits at Google. */
  settle(): Promise<void>
  /** Counts an answer, and says what it is. */
  count(answer: Answer<object>): string
}

/** Real milliseconds in which nothing has moved, after which what is left is taken to wait at Google. */
const QUIET_MS = 8

/** Real milliseconds after which a request that nothing holds up counts as never answered. */
const NEVER_MS = 9_000

/** Begins a run. */
export async function createPlay({ consistency, publishing }: Schedule): Promise<Play> {
  const google = openGoogle(publishing)
  const open = new Set<Promise<void>>()
  const pages = await Promise.all(CAST.map((_, number) => openPage(number)))
  const play: Play = {
    google,
    consistency,
    belief: createBelief(),
    isCalm: false,
    crashed_at: 0,
    seats: pages.map((page, number) => ({ number, page, tokens: new Map() })),
    told: [],
    violations: [],
    answers: new Map(),
    begin(what, act) {
      const at = play.told.length - 1
      const ending = act()
        .catch((error: unknown) => [`threw ${error instanceof Error ? error.stack : error}`])
        .then((faults) => {
          for (const fault of faults) play.violations.push(`step ${at + 1}, ${what}: ${fault}`)
        })
        .finally(() => open.delete(ending))
      open.add(ending)
    },
    async settle() {
      let quiet = 0
      let state = ''
      for (let waited = 0; open.size > 0 && quiet < QUIET_MS; waited++) {
        if (waited > NEVER_MS) {
          play.violations.push(
            `step ${play.told.length}: ${open.size} requests were never answered`,
          )
          open.clear()
        }
        await breathe()
        const held = [...google.calls].filter(({ isHeld }) => isHeld).length
        const now = `${open.size} ${google.calls.size} ${held}`
        quiet = held > 0 && held === google.calls.size && now === state ? quiet + 1 : 0
        state = now
      }
      for (let tick = 0; tick < 3; tick++) await breathe() // what goes on behind an answer
    },
    count({ status, body: { error } }) {
      const name = error === undefined ? String(status) : `${status} ${error}`
      play.answers.set(name, (play.answers.get(name) ?? 0) + 1)
      return name
    },
  }
  return play
}

/** Says that something came of the step that is under way, or was. */
export function tell(play: Play, step: number, what: string): void {
  play.told[step] = `${play.told[step]} → ${what}`
}

/** How a request of a login begins. */
export function asking({ page }: Seat, login: Login): Asked {
  login.tried_at = Date.now()
  return { page, login, began: Date.now() }
}

/** Writes down that a consent was begun. */
export function flowOf(play: Play, seat: Seat, sub: string, began: number, back: URL): Flow {
  const flow = { sub, client: seat.page.client, began }
  const code = back.searchParams.get('code')
  if (code !== null) play.belief.flows.set(code, flow)
  return flow
}
