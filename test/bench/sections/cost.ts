/** The work of a token request: KV operations, Durable Object calls and outbound calls, counted in the production build. */

import { cookieTarget } from '../frontend.ts'
import { load, type Target } from '../load.ts'
import type { Provider } from '../provider.ts'
import type { Budget, Section } from '../section.ts'
import type { Stage } from '../stage.ts'
import { modeTargets } from '../targets.ts'

/** The work of one request. */
interface Cost {
  kv: number
  objects: number
  outbound: number
}

const REQUESTS = 200
const STRICT = 'strict'

/** Counts the work in each mode. */
export async function measureCost(stage: Stage, provider: Provider): Promise<Section> {
  const strict = 'counted strict'
  const { cookie } = await stage.plant(strict)
  const targets = [
    ...(await modeTargets(stage, 'counted', '')),
    cookieTarget(STRICT, stage.side(strict), [cookie]),
  ]
  const costs: [string, Cost][] = []
  for (const target of targets) costs.push([target.name, await costOf(target, provider)])
  return {
    title: 'Work of a token request',
    how: `${REQUESTS} requests each. The calls of the bindings of the production build are counted, also inside the Durable Object. Outbound calls are counted at the provider.`,
    tables: [
      {
        head: ['fresh token', 'KV operations', 'Durable Object calls', 'outbound calls'],
        rows: costs.map(([name, { kv, objects, outbound }]) => [name, kv, objects, outbound]),
      },
    ],
    meaning: [
      'In edge consistency a token request makes one KV read, with `CONSISTENCY = "strict"` one Durable Object call. Cloudflare bills each of them beyond the free amount.',
    ],
    budgets: costs
      .filter(([name]) => name !== STRICT)
      .flatMap(([name, cost]) => budgets(name, cost)),
  }
}

function budgets(mode: string, { kv, objects, outbound }: Cost): Budget[] {
  const counts: [string, number, number][] = [
    ['KV operations', kv, 1],
    ['Durable Object calls', objects, 0],
    ['outbound calls', outbound, 0],
  ]
  return counts.map(([what, measured, bound]) => ({
    ...{ what: `${what} of a token request (edge, ${mode})`, limit: String(bound), measured },
    ...{ bound, kind: 'exactly', unit: '' },
  }))
}

async function costOf(target: Target, provider: Provider): Promise<Cost> {
  await load(target, 1, 1) // after it, the isolate has read its configuration
  await counts(target)
  await provider.takeCounts()
  await load(target, 4, REQUESTS)
  const counted = Object.entries(await counts(target))
  const sum = (kind: string): number =>
    counted.filter(([name]) => name.startsWith(kind)).reduce((sum, [, count]) => sum + count, 0)
  const { requests } = await provider.takeCounts()
  return {
    kv: sum('kv.') / REQUESTS,
    objects: sum('object.') / REQUESTS,
    outbound: requests / REQUESTS,
  }
}

async function counts({ url }: Target): Promise<Record<string, number>> {
  return (await fetch(`${url}/__counts`)).json() as Promise<Record<string, number>>
}
