/** This file is what a hand-out asks of the platform: KV operations, Durable Object calls and requests to others, counted in the production build. */

import { cookieTarget, GALLERY, openFrontend } from '../frontend.ts'
import { load, type Target } from '../load.ts'
import type { Provider } from '../provider.ts'
import { number, type Section } from '../section.ts'
import type { Stage } from '../stage.ts'

/** What so many hand-outs cost, each. */
interface Cost {
  kv: number
  objects: number
  outbound: number
}

const HAND_OUTS = 200

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
    cookieTarget('strict', strict, [(await stage.plant('counted strict')).cookie]),
  ]
  const costs: [string, Cost][] = []
  for (const target of targets) costs.push([target.name, await costOf(target, provider)])
  const [, first = { kv: Number.NaN, objects: Number.NaN, outbound: Number.NaN }] = costs[0] ?? []
  return {
    title: 'Work of a hand-out',
    how: `${HAND_OUTS} hand-outs each, with a count around the bindings of the production build, also inside the Durable Object; outbound is what reached the provider, beside which there is nobody.`,
    tables: [
      {
        head: ['fresh token', 'KV operations', 'Durable Object calls', 'outbound calls'],
        rows: costs.map(([name, { kv, objects, outbound }]) => [
          name,
          ...[kv, objects, outbound].map(number),
        ]),
      },
    ],
    meaning: [
      'An edge hand-out is billed as one request and one KV read; with `CONSISTENCY = "strict"` as one request and one Durable Object request.',
    ],
    budgets: [
      budget('KV operations of a hand-out (edge)', first.kv, 1),
      budget('Durable Object calls of a hand-out (edge)', first.objects, 0),
      budget('outbound calls of a hand-out (edge)', first.outbound, 0),
    ],
  }
}

function budget(what: string, measured: number, bound: number): Section['budgets'][number] {
  return { what, limit: String(bound), measured, bound, kind: 'exactly', unit: '' }
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
