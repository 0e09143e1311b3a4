/** The Worker in tests, with a configuration and a KV that tests can replace. */

import { handle } from '../../src/app.ts'
import { SubjectIndex as BrokerSubjectIndex } from '../../src/events/subject-index.ts'
import { Operator as BrokerOperator } from '../../src/operator.ts'
import { Subject as BrokerSubject } from '../../src/subject/subject.ts'
import { createHostileKv } from './hostile-kv.ts'

/** The KV of the project `hostile-kv`. */
export const hostileKv = createHostileKv()

/** Settings that replace those of the environment. */
let overrides: Record<string, unknown> = {}
const environments = new WeakMap<object, { overrides: object; env: Env }>()

/** Replaces settings; without an argument, restores all. */
export function configure(vars: Record<string, unknown> = {}): void {
  overrides = { ...vars }
}

/** Receives a copy of every request and its answer. */
export type Witness = (request: Request, answer: Response) => Promise<void>

let witness: Witness | undefined

/** Sets the witness of all requests; without an argument, removes it. */
export function witnessAll(next?: Witness): void {
  witness = next
}

/** @returns the environment with the replaced settings */
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
