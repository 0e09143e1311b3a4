/** This file is the Worker as tests run it: ours, with a configuration and a KV that a test may exchange. */

import { handle } from '../../src/app.ts'
import { SubjectIndex as BrokerSubjectIndex } from '../../src/events/subject-index.ts'
import { Operator as BrokerOperator } from '../../src/operator.ts'
import { Subject as BrokerSubject } from '../../src/subject/subject.ts'
import { createHostileKv } from './hostile-kv.ts'

/** The KV of the project `hostile-kv`. */
export const hostileKv = createHostileKv()

/** What the next requests and Durable Objects see of the environment instead of what it says. */
let overrides: Record<string, unknown> = {}
const environments = new WeakMap<object, { overrides: object; env: Env }>()

/** Exchanges settings; with nothing, takes all exchanges back. */
export function configure(vars: Record<string, unknown> = {}): void {
  overrides = { ...vars }
}

/** Whoever is shown every request and its answer; a copy of them. */
export type Witness = (request: Request, answer: Response) => Promise<void>

let witness: Witness | undefined

/** Shows every request and its answer to somebody; with nothing, to nobody any more. */
export function witnessAll(next?: Witness): void {
  witness = next
}

/** The environment as it is seen here. */
export function inTests(env: Env): Env {
  const known = environments.get(env)
  if (known?.overrides === overrides) return known.env
  const isHostile = (env as unknown as { HOSTILE_KV?: string }).HOSTILE_KV === 'yes'
  const made = { ...env, ...(isHostile ? { TOKENS: hostileKv.namespace } : {}), ...overrides }
  environments.set(env, { overrides, env: made })
  return made
}

export class Subject extends BrokerSubject {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, inTests(env))
  }
}

export { OneTimeUse } from '../../src/session/one-time-use.ts'

export class SubjectIndex extends BrokerSubjectIndex {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, inTests(env))
  }
}

export class Operator extends BrokerOperator {
  constructor(ctx: ExecutionContext, env: Env) {
    super(ctx, inTests(env))
  }
}

export default {
  async fetch(request, env, ctx) {
    const copy = witness && request.clone()
    const answer = await handle(request, inTests(env), ctx)
    if (witness && copy) await witness(copy, answer.clone())
    return answer
  },
} satisfies ExportedHandler<Env>
