/** The production Worker with a count of the calls of its bindings; `GET /__counts` returns the counts and resets them. */

import broker, { Subject as BrokerSubject } from 'photos-token-broker'

export { OneTimeUse, SubjectIndex } from 'photos-token-broker'

let counts: Record<string, number> = {}
const environments = new WeakMap<object, Env>()

function counted(env: Env): Env {
  const known = environments.get(env)
  if (known) return known
  const watched = { ...env, TOKENS: watch(env.TOKENS, 'kv'), SUBJECTS: objects(env.SUBJECTS) }
  environments.set(env, watched)
  return watched
}

/** Counts the calls of an object's methods by `kind` and name. */
function watch<T extends object>(target: T, kind: string): T {
  return new Proxy(target, {
    get(_, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]): unknown => {
        const key = `${kind}.${String(name)}`
        counts[key] = (counts[key] ?? 0) + 1
        return Reflect.apply(member, target, args)
      }
    },
  })
}

function objects(namespace: Env['SUBJECTS']): Env['SUBJECTS'] {
  return new Proxy(namespace, {
    get: (_, name) =>
      name === 'getByName'
        ? (key: string) => watch(namespace.getByName(key), 'object')
        : Reflect.get(namespace, name),
  })
}

/** The subject's Durable Object, with counted bindings too. */
export class Subject extends BrokerSubject {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env))
  }
}

export default {
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== '/__counts')
      return broker.fetch(request, counted(env), ctx)
    const answer = counts
    counts = {}
    return Response.json(answer)
  },
} satisfies ExportedHandler<Env>
