/**
 * The production Worker with a count of what is billed: `GET /__counts` returns the counts and resets them, `/__bytes` what is
 * stored. `/__ahead?seconds=` sets its clock, and runs the alarms that are due then.
 */

import broker, {
  OneTimeUse as BrokerOneTimeUse,
  Subject as BrokerSubject,
  SubjectIndex as BrokerSubjectIndex,
} from 'photos-token-broker'
import { setClock } from './shifted-clock.ts'

let counts: Record<string, number> = {}
const environments = new WeakMap<object, Env>()
/** The names of the subjects that were called. */
const subjects = new Set<string>()

for (const level of ['info', 'warn', 'error', 'log'] as const) {
  const write = console[level]
  console[level] = (...line) => {
    count('line')
    if (level === 'error') write(...line) // it stops the bench, which then says why
  }
}

function count(name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

function counted(env: Env): Env {
  const known = environments.get(env)
  if (known) return known
  const watched = {
    ...env,
    TOKENS: watch(env.TOKENS, 'kv'),
    SUBJECTS: objects(env.SUBJECTS, (name) => subjects.add(name)),
    ONE_TIME_USES: objects(env.ONE_TIME_USES),
    SUBJECT_INDEX: objects(env.SUBJECT_INDEX),
    CALLBACK_LIMIT: { limit: async () => ({ success: true }) },
  } as Env
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
        count(`${kind}.${String(name)}`)
        return Reflect.apply(member, target, args)
      }
    },
  })
}

function objects<N extends { getByName(name: string): object }>(
  namespace: N,
  seen: (name: string) => void = () => {},
): N {
  return new Proxy(namespace, {
    get(_, member) {
      if (member !== 'getByName') return Reflect.get(namespace, member)
      return (name: string) => {
        seen(name)
        return watch(namespace.getByName(name), 'object')
      }
    },
  })
}

/** Counts the rows that an object writes; an alarm is billed as one. */
function countRows(storage: DurableObjectStorage): void {
  const { kv } = storage
  const [put, remove, setAlarm] = [kv.put, kv.delete, storage.setAlarm]
  kv.put = (key, value) => {
    count('row.put')
    put.call(kv, key, value)
  }
  kv.delete = (key) => {
    const wasThere = remove.call(kv, key)
    if (wasThere) count('row.delete')
    return wasThere
  }
  storage.setAlarm = async (at) => {
    count('row.alarm')
    await setAlarm.call(storage, at)
  }
}

/** What the bench calls at a subject, beside what the broker calls. */
interface CountedSubject {
  runDueAlarm(): Promise<boolean>
  bytes(): Promise<number>
}

/** The subject's Durable Object, with counted bindings too. */
export class Subject extends BrokerSubject implements CountedSubject {
  readonly #storage: DurableObjectStorage

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env))
    this.#storage = ctx.storage
    countRows(ctx.storage)
  }

  /** Runs the alarm if it is due by the clock that was set. */
  async runDueAlarm(): Promise<boolean> {
    const due = await this.#storage.getAlarm()
    if (due === null || due > Date.now()) return false
    await this.#storage.deleteAlarm()
    count('object.alarm')
    await (this as unknown as { alarm(): Promise<void> }).alarm()
    return true
  }

  /** How large its database is. */
  async bytes(): Promise<number> {
    return this.#storage.sql.databaseSize
  }
}

export class OneTimeUse extends BrokerOneTimeUse {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    countRows(ctx.storage)
  }
}

export class SubjectIndex extends BrokerSubjectIndex {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, counted(env))
    countRows(ctx.storage)
  }
}

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url)
    const stubs = (): CountedSubject[] =>
      [...subjects].map((name) => env.SUBJECTS.getByName(name) as unknown as CountedSubject)
    if (setClock(request)) {
      for (const stub of stubs()) while (await stub.runDueAlarm());
      return new Response()
    }
    if (pathname === '/__counts') {
      const answer = counts
      counts = {}
      return Response.json(answer)
    }
    if (pathname === '/__bytes') {
      const sizes = await Promise.all(stubs().map((stub) => stub.bytes()))
      return Response.json({ object: sizes.reduce((a, b) => a + b, 0), kv: await kvBytes(env) })
    }
    return broker.fetch(request, counted(env), ctx)
  },
} satisfies ExportedHandler<Env>

async function kvBytes({ TOKENS }: Env): Promise<number> {
  const { keys } = await TOKENS.list()
  const values = await Promise.all(keys.map(({ name }) => TOKENS.get(name)))
  return [...keys.map(({ name }) => name), ...values].join('').length
}
