/** This file is the hand-out under load: the broker beside bare Workers and other people's libraries. */

import { cookieTarget, GALLERY, isAnswer, openFrontend } from '../frontend.ts'
import type { Target } from '../load.ts'
import { betterAuthTarget, oauthProviderTarget, startBetterAuthOnNode } from '../peers.ts'
import { type Turns, takeTurns } from '../rounds.ts'
import { number, type Plan, type Section } from '../section.ts'
import type { Stage } from '../stage.ts'
import { figure, ratio } from '../statistics.ts'

const NONE: Turns = { rate: [], cpu_us: [], busy: [], p50_ms: [], p99_ms: [] }

const COOKIE_MODE = 'broker, cookie mode'
const OAUTH_MODE = 'broker, OAuth mode (DPoP)'
const STRICT = 'broker, strict'

/** One KV read and the bytes of a hand-out. */
const BARE_KV = 'bare KV'

/** The bare KV Worker with the request that the broker gets, body and headers. */
const SAME_POST = 'bare KV, same POST read'

/** The bare KV Worker with a line of log, as long as the audit record that a hand-out has to leave (TMB-76). */
const LOGGING = 'bare KV and log'

/** Loads everybody in turn. */
export async function measureHandOut(stage: Stage, plan: Plan): Promise<Section> {
  const onNode = await startBetterAuthOnNode()
  try {
    const { cookie } = await stage.plant('edge')
    const targets = [
      ...(await brokerTargets(stage)),
      bareTarget(stage, BARE_KV),
      cookieTarget(SAME_POST, stage.side(BARE_KV), [cookie]),
      bareTarget(stage, LOGGING),
      bareTarget(stage, 'bare'),
      bareTarget(stage, 'bare object'),
      await oauthProviderTarget(stage.runtime),
      await betterAuthTarget(stage.runtime),
      onNode.target,
    ]
    return toSection(await takeTurns('hand-out', targets, plan), plan)
  } finally {
    await onNode.stop()
  }
}

async function brokerTargets(stage: Stage): Promise<Target[]> {
  const [edge, strict] = [stage.side('edge'), stage.side('strict')]
  const frontend = await openFrontend()
  const inOAuth = { client: GALLERY.id, jkt: frontend.jkt }
  return [
    cookieTarget(COOKIE_MODE, edge, [(await stage.plant('edge')).cookie]),
    frontend.target(OAUTH_MODE, edge, (await stage.plant('edge', inOAuth)).refresh_token),
    cookieTarget(STRICT, strict, [(await stage.plant('strict')).cookie]),
  ]
}

/** Other sides of the same runtime, which answer the same bytes to anybody. */
function bareTarget(stage: Stage, name: string): Target {
  const shot = { method: 'GET', path: '/', headers: {} } as const
  return { name, ...stage.side(name), shots: async () => [shot], isRight: isAnswer }
}

function toSection(all: ReadonlyMap<string, Turns>, { connections }: Plan): Section {
  const of = (name: string): Turns => all.get(name) ?? NONE
  const kv = of(BARE_KV)
  const rows = [...all].map(([name, turns]) => {
    const rate = figure(turns.rate)
    return [
      ...[name, ratio(turns.rate, kv.rate).median, rate.median, { spread: rate.spread }],
      ...[figure(turns.cpu_us).median, ratio(turns.cpu_us, kv.cpu_us).median],
      ...[figure(turns.p50_ms).median, figure(turns.p99_ms).median, figure(turns.busy).median],
    ]
  })
  const cookie = of(COOKIE_MODE)
  const against = ratio(cookie.rate, kv.rate)
  /** Milliseconds of CPU that a side takes beyond the bare KV Worker. */
  const beyond = (name: string): string =>
    number(figure(of(name).cpu_us.map((us, at) => us - (kv.cpu_us[at] ?? NaN))).median / 1000)
  const beside = (name: string): string => number(ratio(cookie.rate, of(name).rate).median)
  const head = [
    ...['side', 'rate ÷ bare KV', 'answers/s', 'spread', 'CPU µs an answer', 'CPU ÷ bare KV'],
    ...['p50 ms', 'p99 ms', 'cores busy'],
  ]
  return {
    title: 'Hand-out of a fresh token',
    how: `${connections} connections for one user of each side, all sides in turn; every answer checked, every request authenticated but those to bare Workers. The KV is that of the local runtime and runs in the same process, so it is in the CPU figures of all who read it: all but "bare", "bare object", "broker, strict" and both of better-auth. Rate limiters are left out on all sides: locally each is a Durable Object with a store, at Cloudflare a count in memory.`,
    tables: [{ head, rows }],
    meaning: [
      `A hand-out leaves an audit record in the log. A bare KV Worker that writes a line as long comes to ${number(ratio(of(LOGGING).rate, kv.rate).median)} of one that writes none; beside it the broker in cookie mode comes to ${beside(LOGGING)}.`,
      `A bare KV Worker that is sent the broker's own request and reads its body comes to ${number(ratio(of(SAME_POST).rate, kv.rate).median)} of one that is sent a GET; beside it the broker in cookie mode comes to ${beside(SAME_POST)}.`,
      `Beyond a bare KV read, a hand-out takes ${beyond(COOKIE_MODE)} ms of CPU in cookie mode and ${beyond(OAUTH_MODE)} ms in OAuth mode. The 10 ms of CPU that a request has on Cloudflare's free plan are far away.`,
      `Strict hand-outs ask a Durable Object in the same process here. At Cloudflare it lives at one place of the world, and each of them takes the way there and back longer; one from KV does not.`,
      `Beside its peers, the broker in cookie mode makes ${beside('workers-oauth-provider')} times the answers of workers-oauth-provider, which checks a token of its own with the same KV read, ${beside('better-auth, workerd')} times those of better-auth in workerd, which keeps all in memory and has no KV to read, and ${beside('better-auth, Node and SQLite')} times those of better-auth on Node.`,
      'Where "cores busy" is well below 1, a side waited: for the load generator, for its storage, or for other programs of the machine. The CPU columns then say more than the rates.',
    ],
    budgets: [
      {
        what: 'hand-out from KV, requests per second',
        limit: '≥ 0.75 of a bare Worker with the same KV read',
        measured: against.median,
        spread: against.spread,
        ...{ bound: 0.75, kind: 'at least', unit: '×' },
      },
    ],
  }
}
