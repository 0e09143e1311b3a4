/** This file is many callers at once on an expired token: how many of them reach the provider, and how long they all wait. */

import { cookieTarget, isAnswer } from '../frontend.ts'
import { load, percentile, type Target } from '../load.ts'
import type { Provider } from '../provider.ts'
import { say } from '../say.ts'
import { number, type Plan, percent, type Section } from '../section.ts'
import type { Stage } from '../stage.ts'
import { type Figure, figure } from '../statistics.ts'

/** How long a refresh takes the provider. */
export const REFRESH_MS = 80

const CROWDS = [20, 1000]

/** What several bursts gave; times are multiples of the provider's own. */
interface Bursts {
  /** The most refreshes that one burst took; with a bare Worker there are none. */
  refreshes: number
  p50: number[]
  p99: number[]
}

/** Sends the crowds. */
export async function measureBurst(
  stage: Stage,
  provider: Provider,
  { bursts }: Plan,
): Promise<Section> {
  const rows: string[][] = []
  const largest: { broker?: Bursts; bare?: Bursts } = {}
  const side = stage.side('edge')
  for (const crowd of CROWDS) {
    const broker: Bursts = { refreshes: 0, p50: [], p99: [] }
    const bare: Bursts = { refreshes: 0, p50: [], p99: [] }
    const expired = await Promise.all(
      Array.from({ length: bursts + 1 }, () => stage.plant('edge', { expires_in: 1 })),
    )
    await new Promise((resolve) => setTimeout(resolve, 1500))
    for (const [burst, { cookie }] of expired.entries()) {
      const target = cookieTarget('broker', side, [cookie])
      const isWarmUp = burst === 0
      await provider.asked()
      const times = (await load(target, crowd, crowd)).times
      const { refreshes } = await provider.asked()
      const bareTimes = (await load(bareTarget(stage, `${crowd}-${burst}`), crowd, crowd)).times
      if (isWarmUp) continue
      broker.refreshes = Math.max(broker.refreshes, refreshes.length)
      note(broker, times, Math.min(...refreshes))
      note(bare, bareTimes, REFRESH_MS)
      say(`${crowd} at once, burst ${burst} of ${bursts}: ${refreshes.length} refresh`)
    }
    rows.push(row(`broker, ${crowd} callers`, broker), row(`bare object, ${crowd} callers`, bare))
    Object.assign(largest, { broker, bare })
  }
  const { broker = { refreshes: NaN, p50: [], p99: [] } } = largest
  return {
    title: 'Many callers at once on an expired token',
    how: `The provider answers a refresh in ${REFRESH_MS} ms. Each burst has a subject of its own and opens all its connections at once; the bare Worker asks one Durable Object, which waits as long and calls nobody. Times are multiples of the provider's.`,
    tables: [{ head: ['side', 'refreshes', 'p50', 'p99', 'spread of p99'], rows }],
    meaning: [
      `However many callers come back at the same moment, Google sees ${number(broker.refreshes)} request, and all of them get its token.`,
      'What the bare Durable Object takes is what so many connections and the one thread of the local runtime take by themselves; Cloudflare spreads them over isolates.',
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

function bareTarget(stage: Stage, name: string): Target {
  const shot = { method: 'GET', path: `/${name}?wait=${REFRESH_MS}`, headers: {} } as const
  return { name, ...stage.side('bare object'), shots: async () => [shot], isRight: isAnswer }
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
