/** This file is the stage of the hand-outs: the broker in its variants, the bare Workers and the peers, all in one workerd. */

import { brokerSides, makeRecords, plant, write } from './broker.ts'
import { bundle, type Production } from './bundles.ts'
import { ANSWER } from './frontend.ts'
import { peerSides } from './peers.ts'
import type { Planted, Planting } from './planting.ts'
import type { Provider } from './provider.ts'
import { type Runtime, type Side, startRuntime } from './runtime.ts'

/** Everything that runs. */
export interface Stage {
  runtime: Runtime
  /** A side's address and process, for a target. */
  side(name: string): { url: string; pid: number }
  /** Plants a subject where a broker keeps its own. */
  plant(broker: string, planting?: Partial<Planting>): Promise<Required<Planted>>
}

const KEY = 'the-one-record'

/** As long as the broker's audit record of a hand-out. */
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
  await writeBareRecord(runtime)
  return {
    runtime,
    side: (name) => ({ url: runtime.url(name), pid: runtime.pid }),
    plant: (broker, planting) => plant(runtime, broker, planting),
  }
}

/** A record as the broker keeps one, where the bare Worker reads it. */
async function writeBareRecord(runtime: Runtime): Promise<void> {
  const { records } = await makeRecords(runtime, 'edge', { from: 0, count: 1, cookie_each: 1 })
  await write(runtime, 'bare KV', KEY, records[0]?.value ?? '')
}

async function bareSides(production: string): Promise<Side[]> {
  const writer = await bundle('workers/writer.ts', production)
  const bareKv = await bundle('workers/bare-kv.ts', production)
  const bareObject = await bundle('workers/bare-object.ts', production)
  const objects = { OBJECTS: { className: 'Answering' } }
  return [
    { name: 'bare', code: await bundle('workers/bare.ts', production), vars: { ANSWER } },
    {
      name: 'bare KV',
      code: bareKv,
      vars: { ANSWER, KEY },
      kv: { TOKENS: 'bare KV' },
    },
    { name: 'writer of bare KV', code: writer, kv: { TOKENS: 'bare KV' } },
    {
      name: 'bare KV and log',
      code: bareKv,
      vars: { ANSWER, KEY, LINE },
      kv: { TOKENS: 'bare KV' },
    },
    { name: 'bare object', code: bareObject, vars: { ANSWER }, objects },
    {
      name: 'bare KV and object',
      code: bareObject,
      vars: { ANSWER, LINE },
      kv: { TOKENS: 'empty' },
      objects,
    },
  ]
}
