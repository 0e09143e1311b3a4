/** This file is the stage of the hand-outs: the broker in its variants, the bare Workers and the peers, all in one workerd, and somebody to ask. */

import { readFile } from 'node:fs/promises'
import { bundle, type Production } from './bundles.ts'
import { ACCESS_TOKEN, ANSWER, BUNDLE, GALLERY, LIFE_SECONDS } from './frontend.ts'
import { peerSides } from './peers.ts'
import type { Planted, Planting } from './planting.ts'
import type { Provider } from './provider.ts'
import { brokerVars, type Runtime, type Side, startRuntime } from './runtime.ts'

/** Everything that runs. */
export interface Stage {
  runtime: Runtime
  /** A side's address and process, for a target. */
  side(name: string): { url: string; pid: number }
  /** Plants a subject where a side of the broker keeps its own. */
  plant(side: string, planting?: Partial<Planting>): Promise<Required<Planted>>
}

/** The name of the client in cookie mode. */
const WEB = 'web'

/** Names of twenty bundles with scopes of their own, the first of which all runs ask for. */
export const TWENTY: readonly string[] = [
  BUNDLE,
  ...Array.from({ length: 19 }, (_, index) => `bundle-${index + 1}`),
]

const APPEND = 'photoslibrary.appendonly'
const READ = 'photoslibrary.readonly.appcreateddata'
const PHOTOS = [
  'photospicker.mediaitems.readonly',
  APPEND,
  READ,
  'photoslibrary.edit.appcreateddata',
]

/** Starts everything. */
export async function startStage(production: Production, provider: Provider): Promise<Stage> {
  const sides = [
    ...(await brokerSides(production, provider.issuer)),
    ...(await bareSides(production.path)),
    ...(await peerSides(production.path)),
  ]
  const runtime = await startRuntime(sides)
  const { pid, url } = runtime
  let people = 0
  return {
    runtime,
    side: (name) => ({ url: url(name), pid }),
    async plant(side, planting = {}) {
      const body: Planting = {
        ...{ sub: `person-${people++}`, client: WEB, bundles: [BUNDLE] },
        ...{ access_token: ACCESS_TOKEN, expires_in: LIFE_SECONDS },
        ...planting,
      }
      const init = { method: 'POST', body: JSON.stringify(body) }
      const response = await fetch(`${url(`seeder of ${side}`)}/subject`, init)
      if (!response.ok) throw new Error(`not planted: ${await response.text()}`)
      const planted = (await response.json()) as Planted
      return { cookie: '', refresh_token: '', ...planted }
    },
  }
}

/** A broker with somebody who plants for it. */
async function brokerSides(production: Production, issuer: string): Promise<Side[]> {
  const code = await readFile(production.path, 'utf8')
  const counted = await bundle('workers/counted.ts', production.path)
  const seeder = await bundle('workers/seeder.ts', production.path)
  const vars = {
    ...brokerVars(issuer),
    BUNDLES: JSON.stringify(twentyBundles()),
    CLIENTS: JSON.stringify({
      [WEB]: { origins: ['URL'] },
      [GALLERY.id]: { origins: [GALLERY.origin], redirect_uris: [`${GALLERY.origin}/`] },
    }),
  }
  const sidesOf = (name: string, code: string, more = {}): Side[] => {
    const parts = { vars: { ...vars, ...more }, kv: { TOKENS: name } }
    return [
      { name, code, ...parts, objects: { SUBJECTS: { className: 'Subject' } } },
      {
        ...{ name: `seeder of ${name}`, code: seeder, at: name, ...parts },
        objects: { SUBJECTS: { className: 'Subject', of: name } },
      },
    ]
  }
  return [
    ...sidesOf('edge', code),
    ...sidesOf('strict', code, { CONSISTENCY: 'strict' }),
    ...sidesOf('counted', counted),
    ...sidesOf('counted strict', counted, { CONSISTENCY: 'strict' }),
  ]
}

async function bareSides(production: string): Promise<Side[]> {
  return [
    { name: 'bare', code: await bundle('workers/bare.ts', production), vars: { ANSWER } },
    {
      name: 'bare KV',
      code: await bundle('workers/bare-kv.ts', production),
      vars: { ANSWER },
      kv: { TOKENS: 'bare' },
    },
    {
      name: 'bare object',
      code: await bundle('workers/bare-object.ts', production),
      vars: { ANSWER },
      objects: { OBJECTS: { className: 'Answering' } },
    },
  ]
}

/** Sets of the scopes of the Photos APIs that make sense, then the same with a sign-in scope: twenty in all. */
function twentyBundles(): Record<string, object> {
  const sets = Array.from({ length: 15 }, (_, set) =>
    PHOTOS.filter((_scope, bit) => (set + 1) & (1 << bit)),
  ).filter((scopes) => !scopes.includes(READ) || scopes.includes(APPEND))
  const all = [...sets, ...sets.map((scopes) => [...scopes, 'openid'])]
  return Object.fromEntries(
    TWENTY.map((name, index) => [name, { scopes: all[index], reason: 'For the bench' }]),
  )
}
