/** This file is the hand-out under load: the broker beside bare Workers and other people's libraries. */

import { cookieTarget, GALLERY, isAnswer, openFrontend } from '../frontend.ts'
import type { Target } from '../load.ts'
import { betterAuthTarget, oauthProviderTarget, startBetterAuthOnNode } from '../peers.ts'
import { type Turns, takeTurns } from '../rounds.ts'
import { number, type Plan, percent, type Section } from '../section.ts'
import type { Stage } from '../stage.ts'
import { figure, ratio } from '../statistics.ts'

const NONE: Turns = { rate: [], cpu_us: [], busy: [], p50_ms: [], p99_ms: [] }

/** The bare KV Worker with the request that the broker gets, body and headers. */
const SAME_POST = 'bare KV, same POST read'

/** The bare KV Worker with a line of log, as long as the audit record that a hand-out has to leave (TMB-76). */
const LOGGING = 'bare KV and log'

/** Loads everybody in turn. */
export async function measureHandOut(stage: Stage, plan: Plan): Promise<Section> {
  const onNode = await startBetterAuthOnNode()
  const { cookie } = await stage.plant('edge')
  const targets = [
    ...(await brokerTargets(stage)),
    bareTarget(stage, 'bare KV'),
    cookieTarget(SAME_POST, stage.side('bare KV'), [cookie]),
    bareTarget(stage, LOGGING),
    bareTarget(stage, 'bare'),
    bareTarget(stage, 'bare object'),
    await oauthProviderTarget(stage.runtime),
    await betterAuthTarget(stage.runtime),
    onNode.target,
  ]
  try {
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
    cookieTarget('broker, cookie mode', edge, [(await stage.plant('edge')).cookie]),
    frontend.target(
      'broker, OAuth mode (DPoP)',
      edge,
      (await stage.plant('edge', inOAuth)).refresh_token,
    ),
    cookieTarget('broker, strict', strict, [(await stage.plant('strict')).cookie]),
  ]
}

/** Other sides of the same runtime, which answer the same bytes to anybody. */
function bareTarget(stage: Stage, name: string): Target {
  const shot = { method: 'GET', path: '/', headers: {} } as const
  return { name, ...stage.side(name), shots: async () => [shot], isRight: isAnswer }
}

function toSection(all: ReadonlyMap<string, Turns>, { connections }: Plan): Section {
  const of = (name: string): Turns => all.get(name) ?? NONE
  const kv = of('bare KV')
  const rows = [...all].map(([name, turns]) => {
    const rate = figure(turns.rate)
    return [
      name,
      number(ratio(turns.rate, kv.rate).median),
      number(rate.median),
      percent(rate.spread),
      number(figure(turns.cpu_us).median),
      number(ratio(turns.cpu_us, kv.cpu_us).median),
      number(figure(turns.p50_ms).median),
      number(figure(turns.p99_ms).median),
      number(figure(turns.busy).median),
    ]
  })
  const cookie = of('broker, cookie mode')
  const against = ratio(cookie.rate, kv.rate)
  const own = figure(cookie.cpu_us.map((us, round) => us - (kv.cpu_us[round] ?? Number.NaN)))
  const oauth = figure(
    of('broker, OAuth mode (DPoP)').cpu_us.map((us, round) => us - (kv.cpu_us[round] ?? NaN)),
  )
  const head = [
    ...['side', 'rate ÷ bare KV', 'answers/s', 'spread', 'CPU µs an answer', 'CPU ÷ bare KV'],
    ...['p50 ms', 'p99 ms', 'cores busy'],
  ]
  return {
    title: 'Hand-out of a fresh token',
    how: `${connections} connections, one subject each, all sides in turn; every answer checked, every request authenticated but those to bare Workers. The KV is that of the local runtime and runs in the same process, so its cost is in every CPU figure but the bare Worker's. Rate limiters are left out on all sides: locally each is a Durable Object with a store, at Cloudflare a count in memory.`,
    tables: [{ head, rows }],
    meaning: [
      `A hand-out leaves an audit record in the log. A bare KV Worker that writes a line as long comes to ${number(ratio(of(LOGGING).rate, kv.rate).median)} of one that writes none; beside it the broker in cookie mode comes to ${number(ratio(cookie.rate, of(LOGGING).rate).median)}.`,
      `A bare KV Worker that is sent the broker's own request and reads its body comes to ${number(ratio(of(SAME_POST).rate, kv.rate).median)} of one that is sent a GET; beside it the broker in cookie mode comes to ${number(ratio(cookie.rate, of(SAME_POST).rate).median)}.`,
      `Beyond the KV read, a hand-out in cookie mode costs ${number(own.median / 1000)} ms of CPU and one in OAuth mode ${number(oauth.median / 1000)} ms, which is what Cloudflare bills.`,
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
