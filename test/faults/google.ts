/** The simulator behind a bad connection: calls are held, cut and changed, and everything that Google issues is recorded. */

import { createSimulator, type Simulator } from '../../src/simulator/app.ts'
import type { FaultRequest } from '../../src/simulator/faults/vocabulary.ts'
import type { UserChoice } from '../../src/simulator/user.ts'
import type { World } from '../../src/simulator/world.ts'
import { the } from '../support/broker.ts'
import { register } from '../support/internet.ts'
import { GOOGLE } from '../support/simulated-google.ts'
import { endpointOf, GOOGLE_FAULTS } from './google-faults.ts'
import { type IssuedTokens, recordTokens } from './issued-tokens.ts'

/** A call in progress. */
interface Call {
  at: string
  /** The authorization code of the grant whose token it sends. */
  code: string | undefined
  isHeld: boolean
}

/** The simulator behind a bad connection. */
export interface FaultyGoogle extends IssuedTokens {
  readonly simulator: Simulator
  /** How often each fault occurred. */
  readonly met: Map<string, number>
  /**
   * NumericDates of the last fault, of the last fault of the discovery document, of the last answer that looks like a
   * misconfigured broker, and of the last removal or revocation of grants.
   */
  readonly trouble: { last: number; discovery: number; misconfigured: number; ended: number }
  /** Violations at Google, such as two refreshes at once. */
  readonly violations: string[]
  /** Calls in progress, also those that are held. */
  readonly calls: ReadonlySet<Call>
  /** Refreshes by code and scope since this map was cleared. */
  readonly refreshes: Map<string, number>
  /** Plans a fault for the next calls of its endpoint. */
  plan(fault: string, times: number): void
  hold(at: string, when: 'before' | 'after'): void
  release(): void
  /** Removes all faults and holds. */
  clearFaults(): void
  /** Forgets the calls of grants whose Durable Object died. */
  forgetCalls(isDead: (code: string) => boolean): void
  /** Ends all grants of an account; the broker learns of it by the event. */
  removeApp(sub: string): Promise<void>
  /** Signed events that are not delivered yet. */
  readonly events: Request[]
  consent(at: string | URL, choice: UserChoice): Promise<URL>
}

/** How long the broker waits for an answer, by the clock of the run. */
const TIMEOUT_MS = 10_000

/** Shared by all runs, because making an RSA key takes longer than a run. */
let signing_key: World['signing_key']

/** Registers the simulator as Google. */
export function openGoogle(publishing: 'production' | 'testing'): FaultyGoogle {
  const client = { client_id: 'test-client', client_secret: 'canary-client-secret' }
  const simulator = createSimulator({
    origin: GOOGLE,
    clients: [{ ...client, redirect_uris: [`${the.url}/callback`], receiver: `${the.url}/events` }],
    async send(request) {
      google.events.push(request)
      return new Response(null, { status: 202 })
    },
  })
  const { world } = simulator
  world.settings.publishing = publishing
  if (signing_key) world.signing_key = signing_key
  const tokens = recordTokens(world)
  const planned: { fault: string; times: number }[] = []
  const holds = new Map<string, 'before' | 'after'>()
  const calls = new Set<Call>()

  const google: FaultyGoogle = {
    simulator,
    ...tokens,
    met: new Map(),
    trouble: { last: 0, discovery: 0, misconfigured: 0, ended: 0 },
    violations: [],
    calls,
    refreshes: new Map(),
    plan: (fault, times) => void planned.push({ fault, times }),
    hold: (at, when) => void holds.set(at, when),
    release: () => holds.clear(),
    clearFaults() {
      planned.length = 0
      holds.clear()
    },
    forgetCalls(isDead) {
      for (const call of calls) if (call.code && isDead(call.code)) calls.delete(call)
    },
    events: [],
    async removeApp(account) {
      google.trouble.ended = Date.now() / 1000
      if (simulator.removeApp(account) > 0)
        await simulator.sendSecurityEvent({
          type: 'tokens-revoked',
          client_id: client.client_id,
          account,
        })
    },
    async consent(at, choice) {
      const back = await simulator.consent(at, choice)
      tokens.recordIssued(back.searchParams.get('code'))
      return back
    },
  }

  function takeFault(at: string): string | undefined {
    const index = planned.findIndex(({ fault }) => GOOGLE_FAULTS[fault]?.at === at)
    const plan = planned[index]
    if (!plan) return undefined
    plan.times -= 1
    if (plan.times < 1) planned.splice(index, 1)
    google.met.set(plan.fault, (google.met.get(plan.fault) ?? 0) + 1)
    return plan.fault
  }

  async function waitWhileHeld(call: Call, when: 'before' | 'after'): Promise<void> {
    call.isHeld = true
    const until = Date.now() + TIMEOUT_MS
    while (holds.get(call.at) === when && Date.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 1))
    call.isHeld = false
    if (Date.now() < until) return
    google.trouble.last = Date.now() / 1000
    throw new DOMException('canary timed out', 'AbortError')
  }

  async function pass(request: Request, call: Call, form: URLSearchParams): Promise<Response> {
    await waitWhileHeld(call, 'before')
    const fault = takeFault(call.at)
    const { cut, ...effects } = GOOGLE_FAULTS[fault ?? '']?.do ?? {}
    const sent_at = Date.now() / 1000
    if (fault !== undefined) {
      google.trouble.last = sent_at
      if (call.at === 'discovery') google.trouble.discovery = sent_at
      if (/invalid client|scope$|id token/.test(fault)) google.trouble.misconfigured = sent_at
    }
    if (cut === 'before') throw new TypeError('canary connection refused')
    if (cut === undefined && fault !== undefined)
      simulator.faults.add({ at: call.at, do: effects } as FaultRequest)
    const answer = await simulator.fetch(request)
    signing_key = world.signing_key
    if (call.at === 'revoke') google.trouble.ended = Date.now() / 1000
    tokens.recordIssued()
    if (cut === 'after') throw new TypeError('canary connection reset')
    if (cut === 'time-out') throw new DOMException('canary timed out', 'AbortError')
    await waitWhileHeld(call, 'after')
    if (fault !== undefined) google.trouble.last = Date.now() / 1000
    const isHeard = calls.has(call) // else its object is dead
    if (isHeard && call.at.startsWith('token')) await tokens.deliver(answer, form)
    return answer
  }

  register(GOOGLE, async (request) => {
    const url = new URL(request.url)
    const text = new TextDecoder().decode(await request.clone().arrayBuffer())
    const form = new URLSearchParams(text)
    const at = endpointOf(url, form)
    const token = form.get('refresh_token') ?? form.get('token')
    const code = token === null ? undefined : tokens.codeOf(token)
    const call: Call = { at, code, isHeld: false }
    if (at === 'token:refresh_token' && code !== undefined) {
      if ([...calls].some((other) => other.at === at && other.code === code))
        google.violations.push('two refreshes of one grant were under way at once')
      const name = `${code} ${form.get('scope')}`
      google.refreshes.set(name, (google.refreshes.get(name) ?? 0) + 1)
    }
    calls.add(call)
    try {
      return await pass(request, call, form)
    } finally {
      calls.delete(call)
    }
  })
  return google
}
