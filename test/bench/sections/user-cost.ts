/** What a user costs: everything that is billed, counted for each thing that users do, and the price of a month. */

import { brokerSides, COUNTED } from '../broker.ts'
import { bundle, type Production } from '../bundles.ts'
import { cookieRequest } from '../frontend.ts'
import { FREE_A_DAY, PRICES_OF, priceOf, type Usage } from '../prices.ts'
import { logProgress } from '../progress.ts'
import { brokerVars, type Side, startRuntime } from '../runtime.ts'
import { type Budget, number, type Section } from '../section.ts'

const MODES = ['edge', 'strict'] as const
type Mode = (typeof MODES)[number]

/** Longer than a token of Google lives, in seconds. */
const HOUR = 3700
const DAY = 24 * 3600
/** The name of the simulator's side. */
const GOOGLE = 'google'
const VISITS_A_MONTH = 16
const USERS = [1_000, 100_000, 1_000_000]

/** Counts what is billed for a user who consents, visits and disconnects. */
export async function measureUserCost(production: Production): Promise<Section> {
  const measured: [Mode, Measured][] = []
  for (const mode of MODES) measured.push([mode, await measureMode(production, mode)])
  const usages = measured.map(([mode, { month }]) => [mode, month] as const)
  return {
    title: 'What a user costs',
    how: `One user of one bundle, in cookie mode, with the production build and the simulator as Google. The calls of all bindings and what Durable Objects write are counted; a set alarm is billed as a row. The clock is set, and alarms that are due are run. A month has one consent and ${VISITS_A_MONTH} visits, each after the token before it has ended. Prices of ${PRICES_OF}.`,
    tables: [
      ...measured.map(([mode, { steps }]) => ({
        head: [mode, ...COLUMNS.map(([title]) => title)],
        rows: steps.map(([what, usage]) => [what, ...COLUMNS.map(([, name]) => usage[name])]),
      })),
      {
        head: ['stored for a user', 'Durable Object, bytes', 'KV, bytes'],
        rows: usages.map(([mode, { object_bytes, kv_bytes }]) => [mode, object_bytes, kv_bytes]),
      },
      {
        head: [
          'monthly users',
          ...MODES.map((mode) => `${mode}, $ a month`),
          ...MODES.map((mode) => `${mode}, at list prices`),
        ],
        rows: USERS.map((users) => [
          users.toLocaleString('en'),
          ...usages.map(([, month]) => Math.round(priceOf(month, users, true))),
          ...usages.map(([, month]) => Math.round(priceOf(month, users, false))),
        ]),
      },
      {
        head: ['the Free plan, a day', ...MODES],
        rows: limitsOfFreePlan(measured),
      },
    ],
    meaning: [
      'The first two prices leave out what the Paid plan includes; "at list prices" leaves out nothing. Both have its 5 $ a month, and neither has CPU time, nor the time that Durable Objects are awake.',
      'The Free plan: how many visits a day reach each limit, if each visit is after the token before it has ended. KV writes are the first: beyond them a visit costs one call of the Durable Object more, and nothing else happens until the next day.',
    ],
    budgets: measured.flatMap(([mode, result]) => budgets(mode, result)),
  }
}

/** The columns of a step. */
const COLUMNS: [string, keyof Usage][] = [
  ['KV reads', 'kv_reads'],
  ['KV writes', 'kv_writes'],
  ['KV deletes', 'kv_deletes'],
  ['object calls', 'object_calls'],
  ['rows written', 'rows'],
  ['log lines', 'log_lines'],
]

interface Measured {
  steps: [string, Usage][]
  /** A visit after the token ended. */
  visit: Usage
  month: Usage
}

function budgets(mode: Mode, { visit, month }: Measured): Budget[] {
  const price = Math.round(priceOf(month, 1_000_000, false))
  const limit = mode === 'edge' ? 230 : 140
  const stored = (month.object_bytes + month.kv_bytes) / 1000
  const kv = visit.kv_reads + visit.kv_writes + visit.kv_deletes
  const exactly = (what: string, measured: number, bound: number): Budget => ({
    ...{ what: `${what} of a visit after the token ended (${mode})`, limit: String(bound) },
    ...{ measured, bound, kind: 'exactly', unit: '' },
  })
  const atMost = (what: string, measured: number, bound: number, unit: string): Budget => ({
    ...{ what, limit: `≤ ${bound}`, measured, bound, kind: 'at most', unit },
  })
  return [
    ...(mode === 'edge'
      ? [exactly('KV writes', visit.kv_writes, 1), exactly('KV deletes', visit.kv_deletes, 0)]
      : [exactly('KV operations', kv, 0)]),
    exactly('Durable Object calls', visit.object_calls, 1),
    atMost(`rows written by a visit after the token ended (${mode})`, visit.rows, 6, ''),
    atMost(`stored for a user with one bundle (${mode})`, stored, 40, 'KB'),
    atMost(`1,000,000 monthly users at list prices (${mode})`, price, limit, '$'),
  ]
}

function limitsOfFreePlan(measured: [Mode, Measured][]): (string | number)[][] {
  return Object.entries(FREE_A_DAY).map(([name, limit]) => [
    `${name.replaceAll('_', ' ')}: ${limit.toLocaleString('en')}`,
    ...measured.map(([, { visit }]) => {
      const each = visit[name as keyof Usage]
      return each === 0 ? 'not used' : `${number(limit / each)} visits`
    }),
  ])
}

/** A page of the user: its requests, and what they were billed. */
interface Visitor {
  connect(): Promise<void>
  askToken(): Promise<void>
  disconnect(): Promise<void>
  /** Lets time pass; alarms run. */
  wait(seconds: number): Promise<void>
  /** What was billed since the last call. */
  take(): Promise<Usage>
}

async function measureMode(production: Production, mode: Mode): Promise<Measured> {
  const vars = { CONSISTENCY: mode }
  const sides = await brokerSides(production, `URL(${GOOGLE})`, {
    [mode]: { vars, wrapper: COUNTED },
  })
  const runtime = await startRuntime([...sides, await googleSide(mode)])
  try {
    const user = openVisitor(runtime.url(mode), runtime.url(GOOGLE))
    const steps: [string, Usage][] = []
    const step = async (what: string, ...works: (() => Promise<void>)[]): Promise<Usage> => {
      for (const work of works) await work()
      const usage = await user.take()
      steps.push([what, usage])
      return usage
    }
    const hour = (): Promise<void> => user.wait(HOUR)
    await step('a consent', user.connect)
    await step('the first visit', user.askToken)
    await step('a visit within the hour', user.askToken)
    await hour()
    await user.take()
    const visit = await step('a visit after the token ended', user.askToken)
    await step('a day of use: eight hours', ...Array(8).fill([hour, user.askToken]).flat())
    await step('a disconnect', user.disconnect)
    await step('a day after it', () => user.wait(2 * DAY))

    const works = Array(VISITS_A_MONTH).fill([hour, user.askToken]).flat()
    for (const work of [user.connect, ...works]) await work()
    for (let day = 0; day < 29; day++) await user.wait(DAY)
    const month = await user.take()
    logProgress(`counted what a user costs (${mode})`)
    return { steps, visit, month }
  } finally {
    await runtime[Symbol.asyncDispose]()
  }
}

function openVisitor(url: string, google: string): Visitor {
  const cookies = new Map<string, string>()
  let [requests, ahead] = [0, 0]
  let stored = { object: 0, kv: 0 }

  const send = async (path: string, init: RequestInit = {}): Promise<Response> => {
    requests++
    const Cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
    const headers = { ...init.headers, Cookie }
    const response = await fetch(new URL(path, url), { ...init, headers, redirect: 'manual' })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (value === '' || cookie.includes('Max-Age=0')) cookies.delete(name)
      else cookies.set(name, value)
    }
    if (response.status >= 400) throw new Error(`${path} was answered ${response.status}`)
    return response
  }

  return {
    async connect() {
      const start = await send('/connect?bundle=pick&return_to=/app')
      const back = await consentAtGoogle(start.headers.get('Location') ?? '')
      const end = await send(back.pathname + back.search)
      const where = end.headers.get('Location') ?? ''
      if (!where.includes('connect=ok')) throw new Error(`not connected: ${where}`)
      stored = (await (await fetch(`${url}/__bytes`)).json()) as typeof stored
    },
    async askToken() {
      const { path, method, headers, body = null } = cookieRequest(url, '')
      await send(path, { method, headers, body })
    },
    async disconnect() {
      const { headers } = cookieRequest(url, '')
      await send('/grants', { method: 'DELETE', headers })
    },
    async wait(seconds) {
      ahead += seconds
      for (const clock of [google, url]) await fetch(`${clock}/__ahead?seconds=${ahead}`)
    },
    async take() {
      await new Promise((resolve) => setTimeout(resolve, 200)) // what is done behind the answer
      const counts = (await (await fetch(`${url}/__counts`)).json()) as Record<string, number>
      const sum = (prefix: string): number =>
        Object.entries(counts).reduce(
          (all, [name, n]) => all + (name.startsWith(prefix) ? n : 0),
          0,
        )
      const usage: Usage = {
        requests,
        kv_reads: sum('kv.get') + sum('kv.list'),
        kv_writes: sum('kv.put'),
        kv_deletes: sum('kv.delete'),
        object_calls: sum('object.'),
        rows: sum('row.'),
        log_lines: sum('line'),
        object_bytes: stored.object,
        kv_bytes: stored.kv,
      }
      requests = 0
      return usage
    },
  }
}

/** Makes the simulator a Worker beside the broker. */
async function googleSide(broker: string): Promise<Side> {
  const { GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET } = brokerVars('')
  const client = {
    client_id: GOOGLE_CLIENT_ID,
    client_secret: GOOGLE_CLIENT_SECRET,
    redirect_uris: [`URL(${broker})/callback`],
  }
  return {
    name: GOOGLE,
    code: await bundle('workers/google.ts'),
    vars: { SIMULATOR_URL: 'URL', CLIENTS: JSON.stringify([client]) },
    objects: { GOOGLE: { className: 'Google' } },
  }
}

/** Consents at Google as its only user does. @returns where Google sends the user back */
async function consentAtGoogle(at: string): Promise<URL> {
  const { origin, search } = new URL(at)
  const [{ sub }] = (await (await fetch(`${origin}/__accounts`)).json()) as [{ sub: string }]
  const page = await fetch(at, { headers: { Cookie: `simulator_signed_in=${sub}` } })
  const boxes = (await page.text()).matchAll(/name="scope" value="([^"]+)"/g)
  const fields = [...boxes].map(([, scope = '']) => ['scope', scope])
  const known = { request: search.slice(1), account: sub, action: 'Continue' }
  const body = new URLSearchParams([...Object.entries(known), ...fields])
  const url = `${origin}/o/oauth2/v2/auth/consent`
  const answer = await fetch(url, { method: 'POST', body, redirect: 'manual' })
  return new URL(answer.headers.get('Location') ?? '')
}
