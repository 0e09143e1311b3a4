/** This file is the schedule: what people, frontends, clocks and machines do in one run, as plain steps, drawn from a seed. */

import fc from 'fast-check'

/** The pages of the cast, by number: see `CAST`. */
export const PAGES = 6

/** Where a person agrees, or does not. */
export interface Answering {
  account: 'ada' | 'ben'
  /** `some`: leaves the last box unticked. */
  agrees: 'all' | 'some' | 'none'
  /** Seconds the access is limited to. */
  lasts?: number | undefined
}

/** One thing that happens. Every step can happen at any time; one that makes no sense then, does nothing. */
export type Step =
  /** A whole consent, from the page and back to it. */
  | ({ do: 'connect'; page: number; bundle: Bundle } & Answering)
  /** A person is sent to Google, and stays there for a while. */
  | { do: 'leave'; page: number; bundle: Bundle }
  /** Somebody who left comes back. */
  | ({ do: 'return'; page: number } & Answering)
  /** Tabs of one page ask for tokens, all at once. */
  | {
      do: 'ask'
      page: number
      bundles: Bundle[]
      tabs: number
      min_ttl?: number | undefined
      /** Says that Google refused the last token. */
      rejects: boolean
      /** Asks with the credentials that this page had before. */
      before: boolean
    }
  | { do: 'look'; page: number; before: boolean }
  | { do: 'log out'; page: number; all: boolean }
  | { do: 'forget'; page: number; bundle: Bundle }
  | { do: 'disconnect'; page: number }
  /** A code that was redeemed is redeemed again. */
  | { do: 'redeem again'; page: number }
  /** A person removes the app under "connections" at Google. */
  | { do: 'remove app'; account: 'ada' | 'ben' }
  | { do: 'wait'; seconds: number }
  /** Alarms that are due go off. */
  | { do: 'alarms' }
  /** The Durable Object of a page's user dies, with whatever it is at, and begins anew. */
  | { do: 'crash'; page: number }
  /** It is put away when it has nothing to do. */
  | { do: 'evict'; page: number }
  | { do: 'travel'; to: string }
  /** The next calls at a place of Google's meet a fault. */
  | { do: 'fault'; fault: string; times: number }
  /** Google keeps every call at a place waiting, before it has heard or before it answers. */
  | { do: 'hold'; at: string; when: 'before' | 'after' }
  | { do: 'release' }
  | { do: 'kv'; is: KvState }
  /** Two records of KV change places. */
  | { do: 'swap'; from: number; to: number }

export type Bundle = 'pick' | 'upload' | 'album'
export type KvState = 'well' | 'unreadable' | 'unwritable' | 'down' | 'mute'

/** How a run is set up. */
export interface Schedule {
  consistency: 'edge' | 'strict'
  publishing: 'production' | 'testing'
  steps: Step[]
}

/** Faults at Google by name: what the simulator is told, or what happens to the connection. */
export const GOOGLE_FAULTS: Record<string, { at: string; do: Record<string, unknown> }> = {}

const TOKEN_FAULTS: Record<string, Record<string, unknown>> = {
  '429': { status: 429, retry_after: 20 },
  '500': { status: 500 },
  '503': { status: 503, retry_after: 30 },
  '403 rate limit': { status: 403, body: { error: { code: 403 } } },
  'unknown error': { error: 'canary_error' },
  html: { html: true },
  garbage: { garbage: true },
  redirect: { redirect: 'https://elsewhere.example/token' },
  'too long': { big_body_bytes: 300_000 },
  truncated: { truncate: true },
  'lost answer': { lose_answer: true },
  'cut before': { cut: 'before' },
  'cut after': { cut: 'after' },
  'time-out': { cut: 'time-out' },
  'short life': { set: { expires_in: 40 } },
  'no life': { omit: ['expires_in'] },
  'no token': { omit: ['access_token'] },
  'mac token': { set: { token_type: 'mac' } },
  'invalid client': { error: 'invalid_client' },
}

const REFRESH_FAULTS: Record<string, Record<string, unknown>> = {
  rotated: { rotate: true },
  'rotated and lost': { rotate: true, lose_answer: true },
  'more scope': {
    scope: { add: ['photospicker.mediaitems.readonly', 'photoslibrary.appendonly'] },
  },
  'less scope': { scope: { drop: ['photoslibrary.appendonly'] } },
  'other scope': {
    scope: {
      drop: ['photospicker.mediaitems.readonly', 'photoslibrary.readonly.appcreateddata'],
      add: ['photoslibrary.appendonly'],
    },
  },
}

for (const [name, effect] of Object.entries({ ...TOKEN_FAULTS, ...REFRESH_FAULTS }))
  GOOGLE_FAULTS[`refresh: ${name}`] = { at: 'token:refresh_token', do: effect }
for (const [name, effect] of Object.entries(TOKEN_FAULTS))
  GOOGLE_FAULTS[`code: ${name}`] = { at: 'token:authorization_code', do: effect }
for (const name of ['429', '500', 'garbage', 'lost answer', 'cut before', 'cut after', 'time-out'])
  GOOGLE_FAULTS[`revoke: ${name}`] = { at: 'revoke', do: TOKEN_FAULTS[name] ?? {} }
for (const name of ['500', 'garbage', 'cut before'])
  GOOGLE_FAULTS[`discovery: ${name}`] = { at: 'discovery', do: TOKEN_FAULTS[name] ?? {} }
for (const what of ['wrong_nonce', 'wrong_key', 'expired', 'missing'])
  GOOGLE_FAULTS[`code: id token ${what}`] = {
    at: 'token:authorization_code',
    do: { id_token: what },
  }

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const page = fc.nat({ max: PAGES - 1 })
const bundle = fc.constantFrom<Bundle>('pick', 'upload', 'album')
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
}
const seconds = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0.5, 1, 5, 31, 61, 121) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(5 * MINUTE, 25 * MINUTE, 51 * MINUTE, 59 * MINUTE, HOUR),
  },
  { weight: 1, arbitrary: fc.constantFrom(7 * HOUR, DAY, 3 * DAY, 6 * DAY, 8 * DAY) },
)
const step = <D extends string, A extends object>(kind: D, fields: A) =>
  fc.record({ do: fc.constant(kind), ...fields })

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
  fault: fc.constantFrom(...Object.keys(GOOGLE_FAULTS)),
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
  { weight: 2, arbitrary: step('leave', { page, bundle }) },
  { weight: 3, arbitrary: step('return', { page, ...answering }) },
  { weight: 2, arbitrary: step('look', { page, before: fc.boolean() }) },
  { weight: 2, arbitrary: step('redeem again', { page }) },
  { weight: 3, arbitrary: step('alarms', {}) },
  { weight: 1, arbitrary: crash },
  { weight: 1, arbitrary: step('evict', { page }) },
  { weight: 2, arbitrary: step('travel', { to: fc.constantFrom('fra', 'sin', 'home') }) },
  { weight: 2, arbitrary: hold },
  { weight: 3, arbitrary: step('release', {}) },
  {
    weight: 2,
    arbitrary: step('kv', {
      is: fc.constantFrom<KvState>('well', 'well', 'unreadable', 'unwritable', 'down', 'mute'),
    }),
  },
  { weight: 1, arbitrary: step('swap', { from: fc.nat({ max: 30 }), to: fc.nat({ max: 30 }) }) },
)

/** Something happens to one page while Google takes its time: what chance alone would seldom bring together. */
const race = fc
  .record({
    page,
    bundle,
    connect,
    seconds: fc.constantFrom(5, 25 * MINUTE, 51 * MINUTE, 59 * MINUTE, HOUR, 7 * HOUR),
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

/** Draws schedules. */
export const schedules: fc.Arbitrary<Schedule> = fc.record({
  consistency: fc.constantFrom('edge', 'strict'),
  publishing: fc.constantFrom('production', 'production', 'production', 'testing'),
  steps: fc
    .tuple(
      fc.array(connect, { minLength: 3, maxLength: 6, size: 'max' }),
      fc.array(
        fc.oneof(
          { weight: 6, arbitrary: single.map((one) => [one]) },
          { weight: 1, arbitrary: race },
        ),
        { minLength: 15, maxLength: 35, size: 'max' },
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

/** Writes a step as a person reads it. */
export function tellStep({ do: kind, ...rest }: Step): string {
  const told = Object.entries(rest)
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join('+') : String(value)}`)
  return [kind, ...told].join(' ')
}
