/** This file is what a hand-out asks of the platform: KV operations, Durable Object calls and requests to others, counted in the production build. */

import { cookieTarget, GALLERY, openFrontend } from '../frontend.ts'
import { load, type Target } from '../load.ts'
import type { Provider } from '../provider.ts'
import type { Budget, Section } from '../section.ts'
import type { Stage } from '../stage.ts'

/** What so many hand-outs cost, each. */
interface Cost {
  kv: number
  objects: number
  outbound: number
}

const HAND_OUTS = 200
const STRICT = 'strict'

/** Counts. */
export async function measureCost(stage: Stage, provider: Provider): Promise<Section> {
  const frontend = await openFrontend()
  const [edge, strict] = [stage.side('counted'), stage.side('counted strict')]
  const cookie = (await stage.plant('counted')).cookie
  const inOAuth = { client: GALLERY.id, jkt: frontend.jkt }
  const { refresh_token } = await stage.plant('counted', inOAuth)
  const targets = [
    cookieTarget('cookie mode', edge, [cookie]),
    frontend.target('OAuth mode (DPoP)', edge, refresh_token),
    cookieTarget(STRICT, strict, [(await stage.plant('counted strict')).cookie]),
  ]
  const costs: [string, Cost][] = []
  for (const target of targets) costs.push([target.name, await costOf(target, provider)])
  return {
    title: 'Work of a hand-out',
    how: `${HAND_OUTS} hand-outs each, with a count around the bindings of the production build, also inside the Durable Object; outbound is what reached the provider, beside which there is nobody.`,
    tables: [
      {
        head: ['fresh token', 'KV operations', 'Durable Object calls', 'outbound calls'],
        rows: costs.map(([name, { kv, objects, outbound }]) => [name, kv, objects, outbound]),
      },
    ],
    meaning: [
      'An edge hand-out asks the platform for one KV read beside its own request, one with `CONSISTENCY = "strict"` for one call of a Durable Object; each is what Cloudflare counts, and bills beyond what is free.',
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
    ...{ what: `${what} of a hand-out (edge, ${mode})`, limit: String(bound), measured },
    ...{ bound, kind: 'exactly', unit: '' },
  }))
}

async function costOf(target: Target, provider: Provider): Promise<Cost> {
  await load(target, 1, 1) // after it, the isolate knows its configuration
  await counts(target)
  await provider.asked()
  await load(target, 4, HAND_OUTS)
  const counted = Object.entries(await counts(target))
  const sum = (kind: string): number =>
    counted.filter(([name]) => name.startsWith(kind)).reduce((sum, [, count]) => sum + count, 0)
  const { requests } = await provider.asked()
  return {
    kv: sum('kv.') / HAND_OUTS,
    objects: sum('object.') / HAND_OUTS,
    outbound: requests / HAND_OUTS,
  }
}

async function counts({ url }: Target): Promise<Record<string, number>> {
  return (await fetch(`${url}/__counts`)).json() as Promise<Record<string, number>>
}
