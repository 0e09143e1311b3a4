/** The schedule of a seed: draws the steps at random, determined by the seed. */

import fc from 'fast-check'
import { GOOGLE_FAULTS } from './google-faults.ts'
import type { Bundle, KvState, Schedule, Step } from './steps.ts'

/** Draws one of the values, each as often as its weight says. */
const weighted = <T>(...rows: [number, fc.Arbitrary<T>][]): fc.Arbitrary<T> =>
  fc.oneof(...rows.map(([weight, arbitrary]) => ({ weight, arbitrary })))

/** A step before its type is checked. */
type Drawn = { do: string; [name: string]: unknown }

const FAULTS = Object.keys(GOOGLE_FAULTS)

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Numbers of pages; the last one has one bundle only, and is drawn rarely. */
const page = fc.constantFrom(0, 0, 1, 2, 2, 3, 3, 4, 5)
const bundle = fc.constantFrom<Bundle>('pick', 'upload', 'album')
const place = fc.constantFrom('fra', 'sin', 'home')
const account = fc.constantFrom<'ada' | 'ben'>('ada', 'ben')
const choice = {
  account,
  agrees: fc.constantFrom(...Array<'all'>(8).fill('all'), 'some', 'some', 'none'),
  lasts: weighted([9, fc.constant(undefined)], [1, fc.constantFrom(HOUR / 2, 5 * HOUR, 3 * DAY)]),
  closes: fc.constantFrom(...Array<boolean>(9).fill(false), true),
}
const seconds = weighted(
  [3, fc.constantFrom(0.5, 1, 5, 31, 61, 121)],
  [4, fc.constantFrom(5 * MINUTE, 25 * MINUTE, 51 * MINUTE, 59 * MINUTE, HOUR)],
  [1, fc.constantFrom(7 * HOUR, DAY, 3 * DAY, 6 * DAY, 8 * DAY)],
)
const step = (
  kind: Step['do'],
  fields: Record<string, fc.Arbitrary<unknown>>,
): fc.Arbitrary<Drawn> => fc.record({ do: fc.constant(kind), ...fields })

const ask = step('ask', {
  page,
  bundles: weighted<Bundle[]>([4, fc.tuple(bundle)], [1, fc.constant(['album', 'upload'])]),
  tabs: fc.constantFrom(1, 1, 2, 5),
  min_ttl: fc.constantFrom(undefined, undefined, 0, 900, 1800),
  rejects: fc.constantFrom(false, false, false, true),
  before: fc.constantFrom(false, false, false, true),
})
const connect = step('connect', { page, bundle, ...choice })
const wait = step('wait', { seconds })
const fault = step('fault', {
  fault: fc.oneof(
    fc.constantFrom('refresh: rotated', 'refresh: more scope', 'refresh: less scope'),
    fc.constantFrom(...FAULTS.filter((name) => name.startsWith('refresh'))),
    fc.constantFrom(...FAULTS),
  ),
  times: fc.constantFrom(1, 1, 2, 5),
})
const hold = step('hold', {
  at: fc.constantFrom(
    ...Array(2).fill('token:refresh_token'),
    'token:authorization_code',
    'revoke',
  ),
  when: fc.constantFrom('before', 'after'),
})
const ending = fc.oneof(
  step('log out', { page, all: fc.boolean() }),
  step('forget', { page, bundle }),
  step('disconnect', { page }),
  step('remove app', { account }),
)
const crash = step('crash', { page })

const storageFails = step('storage fails', {
  page,
  skip: fc.nat({ max: 7 }),
  times: fc.constantFrom(1, 2, 50), // the last one as when a day's rows are used up
})

const KV_STATES: KvState[] = ['up', 'up', 'unreadable', 'unwritable', 'down', 'answers lost']

/** Single steps. */
const single = weighted(
  [10, ask],
  [6, connect],
  [6, wait],
  [5, fault],
  [4, ending],
  [2, step('deliver event', { twice: fc.boolean() })],
  [2, step('leave', { page, bundle })],
  [3, step('return', { page, ...choice })],
  [2, step('read session', { page, before: fc.boolean() })],
  [3, step('alarms', {})],
  [1, crash],
  [2, storageFails],
  [2, step('travel', { to: place })],
  [2, hold],
  [3, step('release', {})],
  [2, step('kv', { is: fc.constantFrom(...KV_STATES) })],
)

/** Times after which a token is due for refresh or has expired. */
const STALE = fc.constantFrom(5, 25 * MINUTE, 51 * MINUTE, 59 * MINUTE, HOUR, 7 * HOUR)

/** A step of one page while its refresh is held at Google, which single steps would rarely bring together. */
const during = fc.oneof(ending, connect, crash, storageFails, ask)
const race = fc
  .record({ page, bundle, connect, seconds: STALE, hold, during, ask })
  .map(({ page, bundle, connect, seconds, hold, during, ask }) => [
    { ...connect, page, bundle },
    { do: 'wait', seconds },
    hold,
    { ...ask, page, bundles: [bundle], before: false },
    'page' in during ? { ...during, page } : during,
    { do: 'release' },
    { ...connect, page },
    { ...ask, page, bundles: [bundle] },
  ])

/** A session or grant ends while its user is at Google. */
const absence = fc
  .record({
    ...{ page, bundle, choice: fc.record(choice), ask },
    ending: fc.oneof(step('disconnect', { page }), ending),
    seconds: fc.constantFrom(0.5, 5, 61, 121, 11 * MINUTE),
  })
  .map(({ page, bundle, choice, ending, seconds, ask }) => [
    { do: 'connect', page, bundle, ...choice, agrees: 'all', closes: false },
    { do: 'leave', page, bundle },
    'page' in ending ? { ...ending, page } : ending,
    { do: 'wait', seconds },
    { do: 'return', page, ...choice },
    { ...ask, page, bundles: [bundle], before: false },
  ])

/** Google fails when a token is due for refresh. */
const outage = fc
  .record({
    ...{ connect, fault, seconds: STALE, first: ask, second: ask },
    soon: fc.constantFrom(1, 31, 61, 301),
  })
  .map(({ connect, fault, seconds, first, soon, second }) => {
    const target = { page: connect['page'], bundles: [connect['bundle']], before: false }
    return [
      { ...connect, agrees: 'all', closes: false },
      { do: 'wait', seconds },
      fault,
      { ...first, ...target },
      { do: 'wait', seconds: soon },
      { ...second, ...target },
      { do: 'wait', seconds },
      { ...second, ...target },
    ]
  })

/** A user removes the app, and connects again while the old refresh is still in progress. */
const reconnect = fc
  .record({ page, bundle, account, seconds: STALE, ask })
  .map(({ page, bundle, account, seconds, ask }) => [
    { do: 'connect', page, bundle, account, agrees: 'all' },
    { do: 'wait', seconds },
    { do: 'remove app', account },
    { do: 'hold', at: 'token:refresh_token', when: 'after' },
    { ...ask, page, bundles: [bundle], before: false },
    { do: 'connect', page, bundle, account, agrees: 'all' },
    { do: 'release' },
    { do: 'deliver event', twice: true },
    { ...ask, page, bundles: [bundle], before: false },
  ])

/** A user has two sessions and ends one. */
const twoLogins = fc
  .record({ pages: fc.constantFrom([0, 1], [3, 4]), bundle, account, to: place, ask })
  .map(({ pages: [one, other], bundle, account, to, ask }) => [
    { do: 'connect', page: one, bundle, account, agrees: 'all' },
    { do: 'connect', page: other, bundle, account, agrees: 'all' },
    { do: 'log out', page: one, all: false },
    { do: 'wait', seconds: 121 },
    { do: 'alarms' },
    { do: 'travel', to },
    { do: 'wait', seconds: 121 },
    { ...ask, page: other, bundles: [bundle], before: false },
    { ...ask, page: one, bundles: [bundle], before: false },
  ])

/** Draws schedules. */
const schedules: fc.Arbitrary<Schedule> = fc.record({
  consistency: fc.constantFrom('edge', 'strict'),
  publishing: fc.constantFrom('production', 'production', 'production', 'testing'),
  steps: fc
    .tuple(
      fc.array(connect, { minLength: 2, maxLength: 5, size: 'max' }),
      fc.array(
        weighted(
          [8, single.map((one) => [one])],
          [1, race],
          [1, outage],
          [1, absence],
          [2, fc.oneof(reconnect, twoLogins)],
        ),
        { minLength: 12, maxLength: 30, size: 'max' },
      ),
    )
    .map(([connects, scenes]) => [...connects, ...scenes.flat()] as Step[]),
})

/** @returns the schedule of a seed, always the same */
export function scheduleOf(seed: number): Schedule {
  const [schedule] = fc.sample(schedules, { seed, numRuns: 1 })
  if (!schedule) throw new Error('no schedule was drawn')
  return schedule
}
