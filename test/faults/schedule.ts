/** This file is the schedule of a seed: which steps follow one another is drawn by chance, and by that seed alone. */

import fc from 'fast-check'
import { GOOGLE_FAULTS } from './google-faults.ts'
import type { Bundle, KvState, Schedule, Step } from './steps.ts'

/** A step as it is drawn; that it is one, `steps.ts` says. */
type Drawn = { do: string; [name: string]: unknown }

const FAULTS = Object.keys(GOOGLE_FAULTS)

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Pages of the cast; the last one may have one bundle only, and has little to tell. */
const page = fc.constantFrom(0, 0, 1, 2, 2, 3, 3, 4, 5)
const bundle = fc.constantFrom<Bundle>('pick', 'upload', 'album')
const place = fc.constantFrom('fra', 'sin', 'home')
const account = fc.constantFrom<'ada' | 'ben'>('ada', 'ben')
const answering = {
  account,
  agrees: fc.oneof(
    { weight: 8, arbitrary: fc.constant('all' as const) },
    { weight: 2, arbitrary: fc.constant('some' as const) },
    { weight: 1, arbitrary: fc.constant('none' as const) },
  ),
  lasts: fc.oneof(
    { weight: 9, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(HOUR / 2, 5 * HOUR, 3 * DAY) },
  ),
  closes: fc.constantFrom(...Array<boolean>(9).fill(false), true),
}
const seconds = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0.5, 1, 5, 31, 61, 121) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(5 * MINUTE, 25 * MINUTE, 51 * MINUTE, 59 * MINUTE, HOUR),
  },
  { weight: 1, arbitrary: fc.constantFrom(7 * HOUR, DAY, 3 * DAY, 6 * DAY, 8 * DAY) },
)
const step = (
  kind: Step['do'],
  fields: Record<string, fc.Arbitrary<unknown>>,
): fc.Arbitrary<Drawn> => fc.record({ do: fc.constant(kind), ...fields })

const ask = step('ask', {
  page,
  bundles: fc.oneof(
    { weight: 4, arbitrary: fc.tuple(bundle) },
    { weight: 1, arbitrary: fc.constant(['album', 'upload']) },
  ),
  tabs: fc.constantFrom(1, 1, 2, 5),
  min_ttl: fc.constantFrom(undefined, undefined, 0, 900, 1800),
  rejects: fc.constantFrom(false, false, false, true),
  before: fc.constantFrom(false, false, false, true),
})
const connect = step('connect', { page, bundle, ...answering })
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
    'token:refresh_token',
    'token:refresh_token',
    'token:authorization_code',
    'revoke',
  ),
  when: fc.constantFrom('before' as const, 'after' as const),
})
const ending = fc.oneof(
  step('log out', { page, all: fc.boolean() }),
  step('forget', { page, bundle }),
  step('disconnect', { page }),
  step('remove app', { account }),
)
const crash = step('crash', { page })

/** Steps that stand for themselves. */
const single = fc.oneof(
  { weight: 10, arbitrary: ask },
  { weight: 6, arbitrary: connect },
  { weight: 6, arbitrary: wait },
  { weight: 5, arbitrary: fault },
  { weight: 4, arbitrary: ending },
  { weight: 2, arbitrary: step('hear', { twice: fc.boolean() }) },
  { weight: 2, arbitrary: step('leave', { page, bundle }) },
  { weight: 3, arbitrary: step('return', { page, ...answering }) },
  { weight: 2, arbitrary: step('look', { page, before: fc.boolean() }) },
  { weight: 2, arbitrary: step('redeem again', { page }) },
  { weight: 3, arbitrary: step('alarms', {}) },
  { weight: 1, arbitrary: crash },
  { weight: 1, arbitrary: step('evict', { page }) },
  { weight: 2, arbitrary: step('travel', { to: place }) },
  { weight: 2, arbitrary: hold },
  { weight: 3, arbitrary: step('release', {}) },
  {
    weight: 2,
    arbitrary: step('kv', {
      is: fc.constantFrom<KvState>('well', 'well', 'unreadable', 'unwritable', 'down', 'mute'),
    }),
  },
  { weight: 1, arbitrary: step('swap', { page }) },
)

/** After such a time a token is waning, or over. */
const STALE = fc.constantFrom(5, 25 * MINUTE, 51 * MINUTE, 59 * MINUTE, HOUR, 7 * HOUR)

/** Something happens to one page while Google takes its time: what chance alone would seldom bring together. */
const race = fc
  .record({
    page,
    bundle,
    connect,
    seconds: STALE,
    hold,
    meanwhile: fc.oneof(ending, connect, crash, ask),
    ask,
  })
  .map(({ page, bundle, connect, seconds, hold, meanwhile, ask }) => [
    { ...connect, page, bundle },
    { do: 'wait', seconds },
    hold,
    { ...ask, page, bundles: [bundle], before: false },
    'page' in meanwhile ? { ...meanwhile, page } : meanwhile,
    { do: 'release' },
    { ...connect, page },
    { ...ask, page, bundles: [bundle] },
  ])

/** Something ends while its person is away at Google. */
const absence = fc
  .record({
    page,
    bundle,
    answering: fc.record(answering),
    ending: fc.oneof(step('disconnect', { page }), ending),
    seconds: fc.constantFrom(0.5, 5, 61, 121, 11 * MINUTE),
    ask,
  })
  .map(({ page, bundle, answering, ending, seconds, ask }) => [
    { do: 'connect', page, bundle, ...answering, agrees: 'all', closes: false },
    { do: 'leave', page, bundle },
    'page' in ending ? { ...ending, page } : ending,
    { do: 'wait', seconds },
    { do: 'return', page, ...answering },
    { ...ask, page, bundles: [bundle], before: false },
  ])

/** A token has grown stale when Google fails. */
const outage = fc
  .record({
    connect,
    fault,
    seconds: STALE,
    ask,
    soon: fc.constantFrom(1, 31, 61, 301),
    again: ask,
  })
  .map(({ connect, fault, seconds, ask, soon, again }) => {
    const { page, bundle } = connect
    return [
      { ...connect, agrees: 'all', closes: false },
      { do: 'wait', seconds },
      fault,
      { ...ask, page, bundles: [bundle], before: false },
      { do: 'wait', seconds: soon },
      { ...again, page, bundles: [bundle], before: false },
      { do: 'wait', seconds },
      { ...again, page, bundles: [bundle], before: false },
    ]
  })

/** A person has removed the app, and connects again while the old refresh is still being refused. */
const anew = fc
  .record({ page, bundle, account, seconds: STALE, ask })
  .map(({ page, bundle, account, seconds, ask }) => [
    { do: 'connect', page, bundle, account, agrees: 'all' },
    { do: 'wait', seconds },
    { do: 'remove app', account },
    { do: 'hold', at: 'token:refresh_token', when: 'after' },
    { ...ask, page, bundles: [bundle], before: false },
    { do: 'connect', page, bundle, account, agrees: 'all' },
    { do: 'release' },
    { do: 'hear', twice: true },
    { ...ask, page, bundles: [bundle], before: false },
  ])

/** Records of one user change places in KV, once they have arrived everywhere. */
const mixUp = fc.record({ page, account, to: place, ask }).map(({ page, account, to, ask }) => [
  { do: 'connect', page, bundle: 'pick', account, agrees: 'all' },
  { do: 'connect', page, bundle: 'upload', account, agrees: 'all' },
  { do: 'wait', seconds: 121 },
  { do: 'travel', to },
  { do: 'swap', page },
  { ...ask, page, bundles: ['pick', 'upload'], before: false },
])

/** A user is logged in twice, and logs out once. */
const twice = fc
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
export const schedules: fc.Arbitrary<Schedule> = fc.record({
  consistency: fc.constantFrom('edge', 'strict'),
  publishing: fc.constantFrom('production', 'production', 'production', 'testing'),
  steps: fc
    .tuple(
      fc.array(connect, { minLength: 2, maxLength: 5, size: 'max' }),
      fc.array(
        fc.oneof(
          { weight: 8, arbitrary: single.map((one) => [one]) },
          { weight: 1, arbitrary: race },
          { weight: 1, arbitrary: outage },
          { weight: 1, arbitrary: absence },
          { weight: 2, arbitrary: fc.oneof(anew, mixUp, twice) },
        ),
        { minLength: 12, maxLength: 30, size: 'max' },
      ),
    )
    .map(([connects, scenes]) => [...connects, ...scenes.flat()] as Step[]),
})

/** Draws the schedule of a seed: always the same. */
export function scheduleOf(seed: number): Schedule {
  const [schedule] = fc.sample(schedules, { seed, numRuns: 1 })
  if (!schedule) throw new Error('no schedule was drawn')
  return schedule
}
