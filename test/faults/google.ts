/** The simulator behind a bad connection: calls are held, cut and changed, and everything that Google issues is recorded. */

import { createSimulator, type Simulator } from '../../src/simulator/app.ts'
import type { FaultRequest } from '../../src/simulator/faults/vocabulary.ts'
import { findRefreshToken } from '../../src/simulator/oauth/consents.ts'
import type { Simulation } from '../../src/simulator/simulation.ts'
import type { UserChoice } from '../../src/simulator/user.ts'
import type { World } from '../../src/simulator/world.ts'
import { the } from '../support/broker.ts'
import { register } from '../support/internet.ts'
import { GOOGLE } from '../support/simulated-google.ts'
import { endpointOf, GOOGLE_FAULTS, photosOf } from './google-faults.ts'

/** An access token of Google. All times are NumericDates. */
export interface Issued {
  /** The authorization code of its grant. */
  code: string
  sub: string
  /** Full URLs of Photos scopes, sorted, space-separated. */
  scope: string
  issued_at: number
  expires_at: number
  /** Its expiry in the answer that the broker received; absent until a whole answer has arrived. */
  delivered_until?: number
  /** Whether the broker certainly stores it; it may have to refuse a token of a code. */
  isStored?: boolean
}

/** A call in progress. */
interface Call {
  at: string
  /** The authorization code of the grant whose token it sends. */
  code: string | undefined
  isHeld: boolean
}

/** The simulator behind a bad connection. */
export interface FaultyGoogle {
  readonly simulator: Simulator
  /** Every access token that was issued. */
  readonly issued: Map<string, Issued>
  /** Every refresh token, code, ID token and code verifier. */
  readonly secrets: Set<string>
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
  /** @returns whether a refresh token that reached the broker is still valid */
  isAlive(code: string): boolean
  /** @returns whether a refresh token of this grant reached the broker */
  hasDelivered(code: string): boolean
  scopeOf(code: string): string
  /** Records that the broker stores the tokens of a code. */
  markStored(code: string): void
  /** Records that the broker received the event that all tokens of an account were revoked, at a NumericDate. */
  markRevoked(sub: string, at: number): void
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
  const simulation = { world, now: () => Date.now() / 1000 } as Simulation
  const planned: { fault: string; times: number }[] = []
  const holds = new Map<string, 'before' | 'after'>()
  const delivered = new Set<string>()
  const scopes = new Map<string, string>()
  const codes = new Map<string, string>()
  const calls = new Set<Call>()

  const google: FaultyGoogle = {
    simulator,
    issued: new Map(),
    secrets: new Set(),
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
      const code = back.searchParams.get('code')
      if (code) scopes.set(code, photosOf(world.codes[code]?.scopes ?? []))
      recordIssued()
      return back
    },
    isAlive: (code) => alive(code).some((name) => delivered.has(name)),
    hasDelivered: (code) => [...delivered].some((name) => codes.get(name) === code),
    scopeOf: (code) => scopes.get(code) ?? '',
    markStored(code) {
      for (const one of google.issued.values()) if (one.code === code) one.isStored = true
    },
    markRevoked(sub, at) {
      for (const one of google.issued.values())
        if (one.sub === sub && one.issued_at < at + 1) one.isStored = false
    },
  }

  const alive = (code: string): string[] =>
    Object.keys(world.refresh_tokens).filter(
      (name) =>
        world.refresh_tokens[name]?.code === code &&
        findRefreshToken(simulation, name) !== undefined,
    )

  /** Records the tokens that are new. */
  function recordIssued(): void {
    for (const [token, { code, sub, scopes, expires_at }] of Object.entries(world.access_tokens)) {
      if (google.issued.has(token)) continue
      const issued_at = Date.now() / 1000
      google.issued.set(token, { code, sub, scope: photosOf(scopes), issued_at, expires_at })
    }
    for (const [name, { code }] of Object.entries(world.refresh_tokens)) {
      codes.set(name, code)
      google.secrets.add(name)
    }
    for (const name of Object.keys(world.codes)) google.secrets.add(name)
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
    recordIssued()
    if (cut === 'after') throw new TypeError('canary connection reset')
    if (cut === 'time-out') throw new DOMException('canary timed out', 'AbortError')
    await waitWhileHeld(call, 'after')
    if (fault !== undefined) google.trouble.last = Date.now() / 1000
    if (call.at.startsWith('token')) await deliver(answer, form)
    return answer
  }

  /** Records the tokens that an answer brings to the broker. */
  async function deliver(answer: Response, form: URLSearchParams): Promise<void> {
    let body: Record<string, unknown>
    try {
      body = await answer.clone().json()
    } catch {
      return
    }
    const { access_token, refresh_token, id_token, expires_in, token_type } = body
    const issued = google.issued.get(String(access_token))
    if (issued && typeof expires_in === 'number' && token_type === 'Bearer') {
      issued.delivered_until = Math.min(issued.expires_at, Date.now() / 1000 + expires_in)
      issued.isStored = form.get('grant_type') === 'refresh_token'
    }
    if (typeof refresh_token === 'string') delivered.add(refresh_token)
    if (typeof id_token === 'string') google.secrets.add(id_token)
    const verifier = form.get('code_verifier')
    if (verifier) google.secrets.add(verifier)
  }

  register(GOOGLE, async (request) => {
    const url = new URL(request.url)
    const text = new TextDecoder().decode(await request.clone().arrayBuffer())
    const form = new URLSearchParams(text)
    const at = endpointOf(url, form)
    const token = form.get('refresh_token') ?? form.get('token')
    const code = token === null ? undefined : codes.get(token)
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
