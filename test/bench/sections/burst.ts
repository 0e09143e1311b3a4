/** This file is many callers at once on an expired token: how many of them reach the provider, and how long they all wait. */

import { ACCESS_TOKEN, cookieShot, cookieTarget, isAnswer } from '../frontend.ts'
import { load, percentile, type Shot, type Target } from '../load.ts'
import type { Provider } from '../provider.ts'
import { say } from '../say.ts'
import { type Cell, number, type Plan, type Section } from '../section.ts'
import type { Stage } from '../stage.ts'
import { figure, ratio } from '../statistics.ts'

/** How long a refresh takes the provider. */
export const REFRESH_MS = 80

const CROWDS = [20, 1000]

/** What several bursts gave one side; times are multiples of the provider's own. */
interface Bursts {
  /** Refreshes that each burst took; with a bare Worker there are none. */
  refreshes: number[]
  p50: number[]
  p99: number[]
}

const BROKER = 'broker'

/** Gets the broker's own request, reads KV, asks one object, and writes a line of log: all that the broker has to. */
const AS_MUCH = 'bare KV and object'
const SIDES = [BROKER, AS_MUCH, 'bare object'] as const

/** What the users have whose token is over: whoever is answered with it did not wait for the refresh. */
const STALE_TOKEN = ACCESS_TOKEN.replace('bench', 'stale')

/** Sends the crowds. */
export async function measureBurst(
  stage: Stage,
  provider: Provider,
  { bursts }: Plan,
): Promise<Section> {
  const crowds = []
  for (const crowd of CROWDS) crowds.push(await sendCrowd(stage, provider, crowd, bursts))
  const largest = crowds.at(-1)
  const broker = largest?.get(BROKER) ?? { refreshes: [], p50: [], p99: [] }
  const against = ratio(broker.p99, largest?.get(AS_MUCH)?.p99 ?? [])
  const refreshes = broker.refreshes.find((count) => count !== 1) ?? 1
  return {
    title: 'Many callers at once on an expired token',
    how: `The provider answers a refresh in ${REFRESH_MS} ms. Each burst has a user of its own and opens all its connections at once. The bare Workers ask one Durable Object, which waits as long and calls nobody; "${AS_MUCH}" is sent the broker's own request, and looks into KV and writes a line of log as the broker has to. Times are multiples of the provider's.`,
    tables: [
      {
        head: ['side', 'most refreshes of a burst', 'p50', 'p99', 'spread of p99'],
        rows: crowds.flatMap((sides, index) =>
          [...sides].map(([name, gave]) => row(`${name}, ${CROWDS[index]} callers`, gave)),
        ),
      },
    ],
    meaning: [
      `However many callers come back at the same moment, Google sees ${number(refreshes)} request, and all of them get its token.`,
      `What the bare Workers take is what so many connections and the one thread of the local runtime take by themselves; Cloudflare spreads them over isolates. The broker takes ${number(against.median)} times what "${AS_MUCH}" takes.`,
    ],
    budgets: [
      {
        what: '1,000 concurrent hand-outs of a stale token: refreshes',
        limit: 'exactly 1',
        measured: refreshes,
        ...{ bound: 1, kind: 'exactly', unit: '' },
      },
      {
        what: '1,000 concurrent hand-outs of a stale token: p99',
        limit: "≤ 3 × the refresh's own time",
        measured: figure(broker.p99).median,
        spread: figure(broker.p99).spread,
        ...{ bound: 3, kind: 'at most', unit: '×' },
      },
    ],
  }
}

/** Sends a crowd to each side in turn, so many times. */
async function sendCrowd(
  stage: Stage,
  provider: Provider,
  crowd: number,
  bursts: number,
): Promise<Map<string, Bursts>> {
  const gave = new Map<string, Bursts>(
    SIDES.map((name) => [name, { refreshes: [], p50: [], p99: [] }]),
  )
  const expired = await Promise.all(
    Array.from({ length: bursts + 1 }, () =>
      stage.plant('edge', { expires_in: 1, access_token: STALE_TOKEN }),
    ),
  )
  await new Promise((resolve) => setTimeout(resolve, 1500))
  for (const [burst, { cookie }] of expired.entries()) {
    for (const [name, side] of gave) {
      const target =
        name === BROKER
          ? cookieTarget(name, stage.side('edge'), [cookie])
          : bareTarget(stage, name, `${crowd}-${burst}`, cookie)
      await provider.asked()
      const { times } = await load(target, crowd, crowd)
      const { refreshes, took_ms } = await provider.asked()
      if (burst === 0) continue // to warm up
      const own = took_ms.length > 0 ? Math.min(...took_ms) : REFRESH_MS
      side.refreshes.push(refreshes)
      side.p50.push(percentile(times, 50) / own)
      side.p99.push(percentile(times, 99) / own)
    }
    say(`${crowd} at once, burst ${burst} of ${bursts}`)
  }
  return gave
}

function bareTarget(stage: Stage, name: string, object: string, cookie: string): Target {
  const side = stage.side(name)
  const path = `/${object}?wait=${REFRESH_MS}`
  const shot: Shot =
    name === AS_MUCH
      ? { ...cookieShot(side.url, cookie), path }
      : { method: 'GET', path, headers: {} }
  return { name, ...side, shots: async () => [shot], isRight: isAnswer }
}

function row(name: string, { refreshes, p50, p99 }: Bursts): Cell[] {
  const { median, spread } = figure(p99)
  return [name, Math.max(...refreshes), figure(p50).median, median, { spread }]
}
