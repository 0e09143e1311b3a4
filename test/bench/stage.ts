/** The Workers of the token requests, all in one workerd: the broker in its variants, bare Workers and peers. */

import { BARE_KEY, BARE_NAMESPACE, brokerSides, plant, storeTokens } from './broker.ts'
import { bundle, type Production } from './bundles.ts'
import { ANSWER } from './frontend.ts'
import { peerSides } from './peers.ts'
import type { Planted, Planting } from './planting.ts'
import type { Provider } from './provider.ts'
import { type Runtime, type Side, startRuntime } from './runtime.ts'

/** The running Workers. */
export interface Stage {
  runtime: Runtime
  /** Address and process of a side. */
  side(name: string): { url: string; pid: number }
  /** Stores a subject in the storage of a broker. */
  plant(broker: string, planting?: Partial<Planting>): Promise<Required<Planted>>
}

/** A line as long as the audit record of an issued token. */
const LINE = JSON.stringify({
  ...{ at: new Date(0).toISOString(), level: 'info', event: 'token_issued' },
  ...{ request_id: crypto.randomUUID(), subject: 'x'.repeat(43) },
  ...{ client: 'web', bundle: 'pick', origin: 'http://127.0.0.1:8787' },
})

const STRICT = { CONSISTENCY: 'strict' }

/** Starts everything. */
export async function startStage(production: Production, provider: Provider): Promise<Stage> {
  const brokers = await brokerSides(production, provider.issuer, {
    edge: {},
    strict: { vars: STRICT },
    counted: { isCounted: true },
    'counted strict': { isCounted: true, vars: STRICT },
  })
  const runtime = await startRuntime([
    ...brokers,
    ...(await bareSides(production.path)),
    ...(await peerSides(production.path)),
  ])
  await storeTokens(runtime, 'edge', { from: 0, count: 1, cookie_each: 1 }) // and a copy for the bare Workers
  return {
    runtime,
    side: (name) => ({ url: runtime.url(name), pid: runtime.pid }),
    plant: (broker, planting) => plant(runtime, broker, planting),
  }
}

async function bareSides(production: string): Promise<Side[]> {
  const bareKv = await bundle('workers/bare-kv.ts', production)
  const bareObject = await bundle('workers/bare-object.ts', production)
  const objects = { OBJECTS: { className: 'Answering' } }
  const kv = { TOKENS: BARE_NAMESPACE }
  const vars = { ANSWER, KEY: BARE_KEY }
  return [
    { name: 'bare', code: bareKv, vars },
    { name: 'bare KV', code: bareKv, vars, kv },
    { name: 'bare KV and log', code: bareKv, vars: { ...vars, LINE }, kv },
    { name: 'bare object', code: bareObject, vars, objects },
    { name: 'bare KV and object', code: bareObject, vars: { ...vars, LINE }, kv, objects },
  ]
}
