/** Token requests under load: the broker beside bare Workers and other libraries. */

import { cookieTarget, GALLERY, isAnswer, openFrontend } from '../frontend.ts'
import type { Target } from '../load.ts'
import { betterAuthTarget, oauthProviderTarget } from '../peers.ts'
import { NO_RESULTS, runRounds, type SideResults } from '../rounds.ts'
import { number, type Plan, type Section } from '../section.ts'
import type { Stage } from '../stage.ts'
import { figure, ratio } from '../statistics.ts'

const COOKIE_MODE = 'broker, cookie mode'
const OAUTH_MODE = 'broker, OAuth mode (DPoP)'
const STRICT = 'broker, strict'

/** One KV read and the bytes of a token response. */
const BARE_KV = 'bare KV'

/** The bare KV Worker with the request that the broker gets. */
const SAME_POST = 'bare KV, same POST read'

/** The bare KV Worker with a line of log as long as the audit record of an issued token (TMB-76). */
const LOGGING = 'bare KV and log'

/** Loads all sides in turn. */
export async function measureTokenIssuance(stage: Stage, plan: Plan): Promise<Section> {
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
  ]
  return toSection(await runRounds('token requests', targets, plan), plan)
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

/** Makes the target of a bare Worker, which answers the same bytes without authentication. */
function bareTarget(stage: Stage, name: string): Target {
  const request = { method: 'GET', path: '/', headers: {} } as const
  return { name, ...stage.side(name), requests: async () => [request], isExpected: isAnswer }
}

function toSection(all: ReadonlyMap<string, SideResults>, { connections }: Plan): Section {
  const of = (name: string): SideResults => all.get(name) ?? NO_RESULTS
  const kv = of(BARE_KV)
  const rows = [...all].map(([name, results]) => {
    const rate = figure(results.rate)
    return [
      ...[name, ratio(results.rate, kv.rate).median, rate.median, { spread: rate.spread }],
      ...[figure(results.cpu_us).median, ratio(results.cpu_us, kv.cpu_us).median],
      ...[
        figure(results.p50_ms).median,
        figure(results.p99_ms).median,
        figure(results.busy).median,
      ],
    ]
  })
  const cookie = of(COOKIE_MODE)
  const against = ratio(cookie.rate, kv.rate)
  /** CPU milliseconds of a side beyond the bare KV Worker. */
  const beyond = (name: string): string =>
    number(figure(of(name).cpu_us.map((us, at) => us - (kv.cpu_us[at] ?? NaN))).median / 1000)
  const beside = (name: string): string => number(ratio(cookie.rate, of(name).rate).median)
  const head = [
    ...['side', 'rate ÷ bare KV', 'answers/s', 'spread', 'CPU µs an answer', 'CPU ÷ bare KV'],
    ...['p50 ms', 'p99 ms', 'cores busy'],
  ]
  return {
    title: 'Requests for a fresh token',
    how: `${connections} connections for one user of each side, all sides in turn. Every answer is checked, and every request is authenticated except those to bare Workers. The KV runs in the process of the local runtime, so it is in the CPU time of all sides but "bare", "bare object", "broker, strict" and better-auth. Rate limiters are off on all sides: locally each is a Durable Object with storage, at Cloudflare a count in memory.`,
    tables: [{ head, rows }],
    meaning: [
      `Each issued token is written to the audit log. A bare KV Worker that logs a line as long has ${number(ratio(of(LOGGING).rate, kv.rate).median)} of the rate without it; the broker in cookie mode has ${beside(LOGGING)} of that Worker's rate.`,
      `A bare KV Worker that gets the broker's own request and reads its body has ${number(ratio(of(SAME_POST).rate, kv.rate).median)} of the rate with a GET; the broker in cookie mode has ${beside(SAME_POST)} of that Worker's rate.`,
      `Beyond a bare KV read, a token request takes ${beyond(COOKIE_MODE)} ms of CPU in cookie mode and ${beyond(OAUTH_MODE)} ms in OAuth mode. A request has 10 ms of CPU on Cloudflare's free plan.`,
      'In strict consistency a request calls a Durable Object, which is in the same process here. At Cloudflare it is in one place of the world, and each request also takes the way to it.',
      `The broker in cookie mode has ${beside('workers-oauth-provider')} times the rate of workers-oauth-provider, which checks a token of its own with the same KV read, and ${beside('better-auth')} times that of better-auth, which has everything in memory and reads no KV.`,
      'If "cores busy" is well below 1, a side waited for the load generator, its storage or other programs. The CPU columns then say more than the rates.',
    ],
    budgets: [
      {
        what: 'token requests from KV, per second',
        limit: '≥ 0.75 of a bare Worker with the same KV read',
        measured: against.median,
        spread: against.spread,
        ...{ bound: 0.75, kind: 'at least', unit: '×' },
      },
    ],
  }
}
