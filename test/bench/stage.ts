/** The Workers of the token requests, all in one workerd: the broker in its variants, bare Workers and peers. */

import {
  BARE_KEY,
  BARE_NAMESPACE,
  brokerSides,
  COUNTED,
  plant,
  storeTokens,
  type Variant,
} from './broker.ts'
import { bundle, type Production, pathOf } from './bundles.ts'
import { ANSWER } from './frontend.ts'
import { IN_MEMORY, inMemory } from './in-memory.ts'
import { LINE } from './log-line.ts'
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

/** One KV read and the bytes of a token response. */
export const BARE_KV = 'bare KV'

/** The same with the line of log of an issued token (TMB-76). */
export const BARE_LOGGING = 'bare KV and log'

const STRICT = { CONSISTENCY: 'strict' }

/** Starts everything. */
export async function startStage(production: Production, provider: Provider): Promise<Stage> {
  const brokers = await brokerSides(production, provider.issuer, {
    ...withMemory('edge'),
    strict: { vars: STRICT },
    counted: { wrapper: COUNTED },
    'counted strict': { wrapper: COUNTED, vars: STRICT },
  })
  return openStage([...brokers, ...(await bareSides()), ...(await peerSides())], 'edge')
}

/** A variant by this name, and the same with KV in memory. */
export function withMemory(name: string): Record<string, Variant> {
  return { [name]: {}, [inMemory(name)]: { wrapper: IN_MEMORY } }
}

/** Starts these sides. The bare Workers read a copy of a record of `broker`. */
export async function openStage(sides: readonly Side[], broker: string): Promise<Stage> {
  const runtime = await startRuntime(sides)
  await storeTokens(runtime, broker, { from: 0, count: 1, cookie_each: 1 })
  return {
    runtime,
    side: (name) => ({ url: runtime.url(name), pid: runtime.pid }),
    plant: (name, planting) => plant(runtime, name, planting),
  }
}

/** Makes the bare Workers. */
export async function bareSides(): Promise<Side[]> {
  const entry = 'workers/bare-kv.ts'
  const [bareKv, wrapped, bareObject] = [
    await bundle(entry),
    await bundle(IN_MEMORY, { wrapped: pathOf(entry) }),
    await bundle('workers/bare-object.ts'),
  ]
  const objects = { OBJECTS: { className: 'Answering' } }
  const kv = { TOKENS: BARE_NAMESPACE }
  const vars = { ANSWER, KEY: BARE_KEY }
  const logging = { ...vars, LINE }
  return [
    { name: 'bare', code: bareKv, vars },
    { name: BARE_KV, code: bareKv, vars, kv },
    { name: BARE_LOGGING, code: bareKv, vars: logging, kv },
    { name: inMemory(BARE_KV), code: wrapped, vars, kv },
    { name: inMemory(BARE_LOGGING), code: wrapped, vars: logging, kv },
    { name: 'bare object', code: bareObject, vars, objects },
    { name: 'bare KV and object', code: bareObject, vars: logging, kv, objects },
  ]
}
