/** This file is the way to Google under faults: calls are held, cut and spoilt here, and everything Google issued is written down. */

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

/** An access token as Google knows it. */
export interface Issued {
  /** The authorization code that it, or its refresh token, came of. */
  code: string
  sub: string
  /** Full URLs of Photos scopes, sorted, space-separated. */
  scope: string
  /** NumericDate. */
  issued_at: number
  /** NumericDate at which Google takes it no longer. */
  expires_at: number
  /** NumericDate until which the broker was told it lives; absent while the answer has not arrived whole. */
  told_until?: number
  /** Whether the broker keeps it for certain: what comes with a code it may have to refuse. */
  isKept?: boolean
}

/** A call that is on its way. */
interface Call {
  at: string
  /** The authorization code behind the token it carries. */
  code: string | undefined
  isHeld: boolean
}

/** The simulator behind a bad connection. */
export interface FaultyGoogle {
  readonly simulator: Simulator
  /** Every access token there ever was. */
  readonly issued: Map<string, Issued>
  /** Every other secret that passed: refresh tokens, codes, ID tokens. */
  readonly secrets: Set<string>
  /** How often each fault was met. */
  readonly met: Map<string, number>
  /**
   * NumericDate at which a call last met a fault, at which one for the discovery document did, at which one last met
   * a fault that is the broker's own, and at which an account last ended what it allowed, codes on their way included.
   */
  readonly trouble: { last: number; discovery: number; misconfigured: number; ended: number }
  /** What should never have happened. */
  readonly violations: string[]
  /** Calls on their way, and those of them that are held. */
  readonly calls: ReadonlySet<Call>
  /** How often each grant was refreshed, by code and scope, since this was cleared. */
  readonly refreshes: Map<string, number>
  /** Has the next calls meet a fault. */
  plan(fault: string, times: number): void
  hold(at: string, when: 'before' | 'after'): void
  release(): void
  /** Takes every fault back. */
  mend(): void
  /** Lets go of the calls of grants whose caller died. */
  forgetCalls(isDead: (code: string) => boolean): void
  /** The broker hears of it when it is told the event. */
  removeApp(sub: string): Promise<void>
  /** Signed events on their way to the broker. */
  readonly events: Request[]
  consent(at: string | URL, choice: UserChoice): Promise<URL>
  /** Whether Google still honours what the broker holds of a grant. */
  honours(code: string): boolean
  /** Whether Google still honours anything of a grant, whoever holds it. */
  keeps(code: string): boolean
  /** Whether a refresh token of this grant has reached the broker. */
  hasDelivered(code: string): boolean
  scopeOf(code: string): string
  /** The broker has kept what came with a code. */
  keep(code: string): void
  /** The broker was told that all of an account's tokens were revoked, at a NumericDate. */
  drop(sub: string, at: number): void
}

/** The broker waits no longer for an answer; this is by the clock of the story. */
const TIMEOUT_MS = 10_000

/** Making an RSA key takes longer than a run: all of them have one. */
let signing_key: World['signing_key']

/** Puts it in the place of the network. */
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
    mend() {
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
      bookkeep()
      return back
    },
    honours: (code) => alive(code).some((name) => delivered.has(name)),
    keeps: (code) => alive(code).length > 0,
    hasDelivered: (code) => [...delivered].some((name) => codes.get(name) === code),
    scopeOf: (code) => scopes.get(code) ?? '',
    keep(code) {
      for (const one of google.issued.values()) if (one.code === code) one.isKept = true
    },
    drop(sub, at) {
      for (const one of google.issued.values())
        if (one.sub === sub && one.issued_at < at + 1) one.isKept = false
    },
  }

  const alive = (code: string): string[] =>
    Object.keys(world.refresh_tokens).filter(
      (name) =>
        world.refresh_tokens[name]?.code === code &&
        findRefreshToken(simulation, name) !== undefined,
    )

  /** Writes down what Google has issued since the last look. */
  function bookkeep(): void {
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
    bookkeep()
    if (cut === 'after') throw new TypeError('canary connection reset')
    if (cut === 'time-out') throw new DOMException('canary timed out', 'AbortError')
    await waitWhileHeld(call, 'after')
    if (fault !== undefined) google.trouble.last = Date.now() / 1000
    if (call.at.startsWith('token')) await deliver(answer, form)
    return answer
  }

  /** Notes what the broker gets to see of tokens. */
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
      issued.told_until = Math.min(issued.expires_at, Date.now() / 1000 + expires_in)
      issued.isKept = form.get('grant_type') === 'refresh_token'
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
