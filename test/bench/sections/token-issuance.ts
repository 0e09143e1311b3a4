/** Token requests under load: the broker beside bare Workers and other libraries, with the KV of the runtime and with KV in memory. */

import { cookieTarget } from '../frontend.ts'
import { inMemory } from '../in-memory.ts'
import type { Target } from '../load.ts'
import { requireSameLine } from '../log-line.ts'
import {
  BETTER_AUTH,
  betterAuthTarget,
  OAUTH_PROVIDER,
  OAUTH_PROVIDER_LOGGING,
  oauthProviderTarget,
} from '../peers.ts'
import { type AllResults, resultsOf, runRounds } from '../rounds.ts'
import { type Budget, number, type Plan, type Section } from '../section.ts'
import { cpuBeyond, sideTable } from '../side-table.ts'
import { BARE_KV, BARE_LOGGING, type Stage } from '../stage.ts'
import { type Figure, figure, ratio } from '../statistics.ts'
import { bareTarget, COOKIE_MODE, modeTargets, OAUTH_MODE } from '../targets.ts'

const PREFIX = 'broker, '
const COOKIE = PREFIX + COOKIE_MODE
const OAUTH = PREFIX + OAUTH_MODE
const STRICT = `${PREFIX}strict`

/** The bare KV Worker with the request that the broker gets. */
const SAME_POST = 'bare KV, same POST read'

/** Loads all sides in turn, first with the runtime's KV, then with KV in memory. */
export async function measureTokenIssuance(stage: Stage, plan: Plan): Promise<Section> {
  const rounds = { ...plan, ...plan.token_requests }
  const [targets, memoryTargets] = [await realTargets(stage), await targetsInMemory(stage)]
  const real = await runRounds('token requests', targets, rounds)
  const memory = await runRounds('token requests, KV in memory', memoryTargets, rounds)
  return toSection(real, memory, rounds)
}

async function realTargets(stage: Stage): Promise<Target[]> {
  const [cookie, oauth] = await modeTargets(stage, 'edge', PREFIX)
  const logging = bareTarget(stage, BARE_LOGGING)
  await requireSameLine(stage.runtime, cookie, logging)
  const session = (await stage.plant('edge')).cookie
  return [
    ...[cookie, oauth],
    cookieTarget(STRICT, stage.side('strict'), [(await stage.plant('strict')).cookie]),
    bareTarget(stage, BARE_KV),
    cookieTarget(SAME_POST, stage.side(BARE_KV), [session]),
    logging,
    bareTarget(stage, 'bare'),
    bareTarget(stage, 'bare object'),
    await oauthProviderTarget(stage.runtime, OAUTH_PROVIDER),
    await oauthProviderTarget(stage.runtime, OAUTH_PROVIDER_LOGGING),
    await betterAuthTarget(stage.runtime),
  ]
}

async function targetsInMemory(stage: Stage): Promise<Target[]> {
  const peer = OAUTH_PROVIDER_LOGGING
  return [
    ...(await modeTargets(stage, inMemory('edge'), PREFIX)),
    bareTarget(stage, BARE_KV, inMemory(BARE_KV)),
    bareTarget(stage, BARE_LOGGING, inMemory(BARE_LOGGING)),
    await oauthProviderTarget(stage.runtime, peer, inMemory(peer)),
  ]
}

function toSection(
  real: AllResults,
  memory: AllResults,
  { connections, rounds }: { connections: number; rounds: number },
): Section {
  const rateOf = (name: string): number[] => resultsOf(real, name).rate
  const against = (side: string, other: string): string =>
    number(ratio(rateOf(side), rateOf(other)).median)
  const beyond = (name: string): Figure => figure(cpuBeyond(memory, name, BARE_KV))
  const microseconds = (name: string): string =>
    `${number(beyond(name).median)} µs (± ${number(beyond(name).deviation)})`
  return {
    title: 'Requests for a fresh token',
    how: `${connections} connections for one user of each side, all sides in turn, in ${rounds} rounds. Every answer is checked, and every request is authenticated except those to bare Workers. "Beyond" is the difference from the bare Worker in each round. The KV of the local runtime runs in the same process, so it is in the CPU time of all sides of the first table but "bare", "bare object", "broker, strict" and better-auth. In the second table each side reads a key from KV once, and from memory later. Rate limiters are off on all sides: locally each is a Durable Object with storage, at Cloudflare a count in memory.`,
    tables: [
      sideTable("with the runtime's KV", real, BARE_KV),
      sideTable('with KV in memory', memory, BARE_KV),
    ],
    meaning: [
      `The broker's own share, with KV in memory and beyond the bare Worker: a token request takes ${microseconds(COOKIE)} of CPU in cookie mode and ${microseconds(OAUTH)} in OAuth mode. workers-oauth-provider takes ${microseconds(OAUTH_PROVIDER_LOGGING)} to check a token of its own and log the same line. A request has 10 000 µs on Cloudflare's free plan.`,
      `Each issued token is written to the audit log. A bare KV Worker that logs a line with the same members and length has ${against(BARE_LOGGING, BARE_KV)} of the rate without it; the broker in cookie mode has ${against(COOKIE, BARE_LOGGING)} of that Worker's rate.`,
      `A bare KV Worker that gets the broker's own request and reads its body has ${against(SAME_POST, BARE_KV)} of the rate with a GET; the broker in cookie mode has ${against(COOKIE, SAME_POST)} of that Worker's rate.`,
      'In strict consistency a request calls a Durable Object, which is in the same process here. At Cloudflare it is in one place of the world, and each request also takes the way to it.',
      `The broker in cookie mode has ${against(COOKIE, OAUTH_PROVIDER)} times the rate of workers-oauth-provider, ${against(COOKIE, OAUTH_PROVIDER_LOGGING)} times its rate with the line of log, and ${against(COOKIE, BETTER_AUTH)} times that of better-auth, which has everything in memory and reads no KV.`,
      'If "cores busy" is well below 1, a side waited for the load generator, its storage or other programs. The CPU columns then say more than the rates.',
    ],
    budgets: [
      cpuBudget(memory, COOKIE, 1),
      cpuBudget(memory, OAUTH, 1.5),
      {
        what: 'token requests from KV, per second',
        limit: '≥ 0.75 of a bare Worker with the same KV read',
        ...measured(ratio(rateOf(COOKIE), rateOf(BARE_KV))),
        ...{ bound: 0.75, kind: 'at least', unit: '×' },
      },
    ],
  }
}

function cpuBudget(memory: AllResults, name: string, bound: number): Budget {
  const [ours, theirs] = [name, OAUTH_PROVIDER_LOGGING].map((side) =>
    cpuBeyond(memory, side, BARE_KV),
  )
  return {
    what: `CPU of a token request beyond a bare Worker, KV in memory: ${name}`,
    limit: `≤ ${bound} × that of workers-oauth-provider with the same line of log`,
    ...measured(ratio(ours ?? [], theirs ?? [])),
    ...{ bound, kind: 'at most', unit: '×' },
  }
}

function measured({ median, spread }: Figure): { measured: number; spread: number } {
  return { measured: median, spread }
}
