/** Many concurrent requests with an expired token: how many refreshes reach the provider, and how long the callers wait. */

import { ACCESS_TOKEN, cookieRequest, cookieTarget, isAnswer } from '../frontend.ts'
import { type LoadRequest, load, percentile, type Target } from '../load.ts'
import { logProgress } from '../progress.ts'
import type { Provider } from '../provider.ts'
import { type Cell, number, type Plan, type Section } from '../section.ts'
import type { Stage } from '../stage.ts'
import { figure, ratio } from '../statistics.ts'

/** How long the provider takes for a refresh, in milliseconds. */
export const REFRESH_MS = 80

/** Numbers of concurrent callers. */
const CROWDS = [20, 1000]

/** Results of several bursts; times are multiples of the provider's own. */
interface Bursts {
  /** Refreshes of each burst; 0 for a bare Worker. */
  refreshes: number[]
  p50: number[]
  p99: number[]
}

const BROKER = 'broker'

/** Does the same work as the broker: reads the request and KV, calls one object, and logs a line. */
const SAME_WORK = 'bare KV and object'
const SIDES = [BROKER, SAME_WORK, 'bare object'] as const

/** The token before the refresh: a caller that gets it did not wait. */
const STALE_TOKEN = ACCESS_TOKEN.replace('bench', 'stale')

/** Measures each number of callers. */
export async function measureBurst(
  stage: Stage,
  provider: Provider,
  { bursts }: Plan,
): Promise<Section> {
  const crowds = []
  for (const crowd of CROWDS) crowds.push(await sendCrowd(stage, provider, crowd, bursts))
  const largest = crowds.at(-1)
  const broker = largest?.get(BROKER) ?? { refreshes: [], p50: [], p99: [] }
  const against = ratio(broker.p99, largest?.get(SAME_WORK)?.p99 ?? [])
  const refreshes = broker.refreshes.find((count) => count !== 1) ?? 1
  return {
    title: 'Concurrent requests with an expired token',
    how: `The provider answers a refresh in ${REFRESH_MS} ms. Each burst has a user of its own and opens all its connections at once. The bare Workers call one Durable Object, which waits as long and makes no call; "${SAME_WORK}" gets the broker's own request, reads KV and logs a line, as the broker does. Times are multiples of the provider's.`,
    tables: [
      {
        head: ['side', 'most refreshes of a burst', 'p50', 'p99', 'spread of p99'],
        rows: crowds.flatMap((sides, index) =>
          [...sides].map(([name, results]) => row(`${name}, ${CROWDS[index]} callers`, results)),
        ),
      },
    ],
    meaning: [
      `For all callers of a burst, Google gets ${number(refreshes)} refresh, and all of them get its token.`,
      `The times of the bare Workers are those of the connections and of the local runtime, which has one thread; Cloudflare spreads the requests over isolates. The broker takes ${number(against.median)} times what "${SAME_WORK}" takes.`,
    ],
    budgets: [
      {
        what: '1,000 concurrent requests with a stale token: refreshes',
        limit: 'exactly 1',
        measured: refreshes,
        ...{ bound: 1, kind: 'exactly', unit: '' },
      },
      {
        what: '1,000 concurrent requests with a stale token: p99',
        limit: `≤ 1.3 × that of "${SAME_WORK}"`,
        measured: against.median,
        spread: against.spread,
        ...{ bound: 1.3, kind: 'at most', unit: '×' },
      },
    ],
  }
}

/** Sends several bursts of `crowd` callers to each side in turn. */
async function sendCrowd(
  stage: Stage,
  provider: Provider,
  crowd: number,
  bursts: number,
): Promise<Map<string, Bursts>> {
  const results = new Map<string, Bursts>(
    SIDES.map((name) => [name, { refreshes: [], p50: [], p99: [] }]),
  )
  const expired = await Promise.all(
    Array.from({ length: bursts + 1 }, () =>
      stage.plant('edge', { expires_in: 1, access_token: STALE_TOKEN }),
    ),
  )
  await new Promise((resolve) => setTimeout(resolve, 1500))
  for (const [burst, { cookie }] of expired.entries()) {
    for (const [name, side] of results) {
      const target =
        name === BROKER
          ? cookieTarget(name, stage.side('edge'), [cookie])
          : bareTarget(stage, name, `${crowd}-${burst}`, cookie)
      await provider.takeCounts()
      const { times } = await load(target, crowd, crowd)
      const { refreshes, took_ms } = await provider.takeCounts()
      if (burst === 0) continue // the warm-up
      const own = took_ms.length > 0 ? Math.min(...took_ms) : REFRESH_MS
      side.refreshes.push(refreshes)
      side.p50.push(percentile(times, 50) / own)
      side.p99.push(percentile(times, 99) / own)
    }
    logProgress(`${crowd} concurrent requests, burst ${burst} of ${bursts}`)
  }
  return results
}

function bareTarget(stage: Stage, name: string, object: string, cookie: string): Target {
  const side = stage.side(name)
  const path = `/${object}?wait=${REFRESH_MS}`
  const request: LoadRequest =
    name === SAME_WORK
      ? { ...cookieRequest(side.url, cookie), path }
      : { method: 'GET', path, headers: {} }
  return { name, ...side, requests: async () => [request], isExpected: isAnswer }
}

function row(name: string, { refreshes, p50, p99 }: Bursts): Cell[] {
  const { median, spread } = figure(p99)
  return [name, Math.max(...refreshes), figure(p50).median, median, { spread }]
}
