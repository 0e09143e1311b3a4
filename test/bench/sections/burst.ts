/** This file is many callers at once on an expired token: how many of them reach the provider, and how long they all wait. */

import { cookieTarget, isAnswer } from '../frontend.ts'
import { load, percentile, type Target } from '../load.ts'
import type { Provider } from '../provider.ts'
import { say } from '../say.ts'
import { number, type Plan, percent, type Section } from '../section.ts'
import type { Stage } from '../stage.ts'
import { type Figure, figure, ratio } from '../statistics.ts'

/** How long a refresh takes the provider. */
export const REFRESH_MS = 80

const CROWDS = [20, 1000]

/** What several bursts gave one side; times are multiples of the provider's own. */
interface Bursts {
  /** The most refreshes that one burst took; with a bare Worker there are none. */
  refreshes: number
  p50: number[]
  p99: number[]
}

const BROKER = 'broker'
const SIDES = [BROKER, 'bare KV and object', 'bare object'] as const

/** Sends the crowds. */
export async function measureBurst(
  stage: Stage,
  provider: Provider,
  { bursts }: Plan,
): Promise<Section> {
  const crowds = []
  for (const crowd of CROWDS) crowds.push(await sendCrowd(stage, provider, crowd, bursts))
  const largest = crowds.at(-1)
  const broker = largest?.get(BROKER) ?? { refreshes: Number.NaN, p50: [], p99: [] }
  const against = ratio(broker.p99, largest?.get('bare KV and object')?.p99 ?? [])
  return {
    title: 'Many callers at once on an expired token',
    how: `The provider answers a refresh in ${REFRESH_MS} ms. Each burst has a subject of its own and opens all its connections at once; the bare Workers ask one Durable Object, which waits as long and calls nobody, and one of them looks into KV first, as the broker has to. Times are multiples of the provider's.`,
    tables: [
      {
        head: ['side', 'refreshes', 'p50', 'p99', 'spread of p99'],
        rows: crowds.flatMap((sides, index) =>
          [...sides].map(([name, gave]) => row(`${name}, ${CROWDS[index]} callers`, gave)),
        ),
      },
    ],
    meaning: [
      `However many callers come back at the same moment, Google sees ${number(broker.refreshes)} request, and all of them get its token.`,
      `What the bare Workers take is what so many connections and the one thread of the local runtime take by themselves; Cloudflare spreads them over isolates. The broker takes ${number(against.median)} times what the one takes that asks KV and an object.`,
    ],
    budgets: [
      {
        what: '1,000 concurrent hand-outs of a stale token: refreshes',
        limit: 'exactly 1',
        measured: broker.refreshes,
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
    SIDES.map((name) => [name, { refreshes: 0, p50: [], p99: [] }]),
  )
  const expired = await Promise.all(
    Array.from({ length: bursts + 1 }, () => stage.plant('edge', { expires_in: 1 })),
  )
  await new Promise((resolve) => setTimeout(resolve, 1500))
  for (const [burst, { cookie }] of expired.entries()) {
    for (const [name, side] of gave) {
      const target =
        name === BROKER
          ? cookieTarget(name, stage.side('edge'), [cookie])
          : bareTarget(stage, name, `${crowd}-${burst}`)
      await provider.asked()
      const { times } = await load(target, crowd, crowd)
      const { refreshes } = await provider.asked()
      if (burst === 0) continue // to warm up
      side.refreshes = Math.max(side.refreshes, refreshes.length)
      note(side, times, refreshes.length > 0 ? Math.min(...refreshes) : REFRESH_MS)
    }
    say(`${crowd} at once, burst ${burst} of ${bursts}`)
  }
  return gave
}

function bareTarget(stage: Stage, side: string, object: string): Target {
  const shot = { method: 'GET', path: `/${object}?wait=${REFRESH_MS}`, headers: {} } as const
  return { name: side, ...stage.side(side), shots: async () => [shot], isRight: isAnswer }
}

function note({ p50, p99 }: Bursts, times: readonly number[], own: number): void {
  p50.push(percentile(times, 50) / own)
  p99.push(percentile(times, 99) / own)
}

function row(name: string, { refreshes, p50, p99 }: Bursts): string[] {
  const [middle, last]: Figure[] = [figure(p50), figure(p99)]
  return [name, number(refreshes), ...[middle, last].map((it) => number(it?.median ?? NaN))].concat(
    percent(last?.spread ?? NaN),
  )
}
