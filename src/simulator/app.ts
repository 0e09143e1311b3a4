/**
 * The simulator: Google on one origin, as one `fetch` function.
 *
 *     const simulator = createSimulator({ origin: 'https://google.example', clients: [client] })
 *     simulator.faults.add({ at: 'token:refresh_token', do: { status: 503 } })
 *     const redirect = await simulator.consent(authorizationUrl, { untick: ['photoslibrary.appendonly'] })
 *     simulator.world.settings.publishing = 'testing'
 */

import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { Call } from './call-log.ts'
import { controls, removeApps } from './control.ts'
import { createHold, type Hold } from './faults/hold.ts'
import { applyFaults, type SimulatorEnv } from './faults/middleware.ts'
import { type FaultRequest, matches, parseFaults } from './faults/vocabulary.ts'
import { authorize, chooseAccount, consent } from './oauth/authorization-pages.ts'
import { discoveryDocument } from './oauth/discovery.ts'
import { tokenInfo, userInfo } from './oauth/introspection.ts'
import { publicKeys } from './oauth/keys.ts'
import { revoke } from './oauth/revocation-endpoint.ts'
import { token } from './oauth/token-endpoint.ts'
import { connections } from './pages/connections.ts'
import { homePage } from './pages/home.ts'
import { pickerPages } from './pages/picker.ts'
import { STYLE } from './pages/style.ts'
import { anyOrigin, api } from './photos/api.ts'
import { media } from './photos/media.ts'
import {
  riscConfiguration,
  type SecurityEventRequest,
  sendSecurityEvent,
} from './security-events.ts'
import type { ByteStore, Client, Simulation } from './simulation.ts'
import { consentAsUser, type UserChoice } from './user.ts'
import { createWorld, type SentEvent, type World } from './world.ts'

/** Options of a simulator. */
export interface SimulatorOptions {
  /** Its origin, such as `https://google.example`: the start of every URL it makes, and the issuer. */
  origin: string
  clients: readonly Client[]
  /** Its state; default: an empty one. */
  world?: World
  /** Where it stores the bytes of uploads; default: in memory. */
  bytes?: ByteStore
  /** Sends a security event to an app; default: over the network. */
  send?: (request: Request) => Promise<Response>
  /** Its clock, as NumericDate in seconds; default: that of the machine. */
  now?: () => number
}

/** A simulated Google. */
export interface Simulator {
  /** Its state; tests may read and change it at any time. */
  readonly world: World
  /** Answers a request to any of its endpoints and pages. */
  fetch(request: Request): Promise<Response>
  /**
   * Goes through the pages of an authorization request as a user does.
   *
   * @returns the redirect URI with the authorization response
   * @throws {Error} if an error page is shown instead
   */
  consent(authorizationUrl: string | URL, choice?: UserChoice): Promise<URL>
  /** Removes one app, or all, from an account (`sub` or email), without an event. @returns how many */
  removeApp(account: string, client_id?: string): number
  /** Sends an event to an app. @returns the record of it; `undefined` for an app without a receiver */
  sendSecurityEvent(event: SecurityEventRequest): Promise<SentEvent | undefined>
  readonly faults: {
    /** @throws {TypeError} that names the part of a fault which is not valid */
    add(...faults: FaultRequest[]): void
    clear(): void
  }
  /** Lists the calls received at one endpoint (`token`, `token:refresh_token`) or all. */
  calls(at?: string): Call[]
  /** Holds calls at an endpoint until `release()`. */
  hold(at: string): Hold
}

/** Makes a simulated Google. All its state is in `world` and `bytes`. */
export function createSimulator(options: SimulatorOptions): Simulator {
  const { origin, clients, world = createWorld(), bytes = new Map<string, Uint8Array>() } = options
  const clock = options.now ?? (() => Date.now() / 1000)
  const simulation: Simulation = {
    origin: new URL(origin).origin,
    clients,
    world,
    bytes: 'put' in bytes ? bytes : inMemory(bytes),
    holds: new Set(),
    send: options.send ?? ((request) => globalThis.fetch(request)),
    now: () => clock() + world.settings.clock_ahead_seconds,
    appsNow: clock,
  }
  const app = routes(simulation)
  const fetch = async (request: Request): Promise<Response> => app.fetch(request)
  return {
    world,
    fetch,
    consent: (url, choice) => consentAsUser(simulation, fetch, new URL(url), choice),
    removeApp: (account, client_id) => removeApps(simulation, account, client_id).length,
    sendSecurityEvent: (event) => sendSecurityEvent(simulation, event),
    faults: {
      add: (...faults) => void world.faults.push(...parseFaults(faults)),
      clear: () => void world.faults.splice(0),
    },
    calls: (at) => world.log.filter((call) => at === undefined || matches(at, call.at)),
    hold: (at) => createHold(simulation.holds, at),
  }
}

function routes(simulation: Simulation): Hono<SimulatorEnv> {
  const app = new Hono<SimulatorEnv>()
  app.onError((error) => {
    if (error instanceof HTTPException) return error.getResponse()
    throw error
  })
  app.use(async (c, next) => {
    await next()
    // workerd logs an error for a body that nobody reads.
    if (c.req.raw.body && !c.req.raw.bodyUsed) await c.req.arrayBuffer()
  })
  app.use('/photospicker/*', anyOrigin)
  app.use('/photoslibrary/*', anyOrigin)
  app.use('/o/oauth2/*', async (c, next) => {
    await next()
    c.res.headers.set('Cross-Origin-Opener-Policy', simulation.world.settings.opener_policy)
  })
  app.use(applyFaults(simulation))
  app.get('/.well-known/openid-configuration', (c) => c.json(discoveryDocument(simulation)))
  app.get('/.well-known/risc-configuration', (c) => c.json(riscConfiguration(simulation)))
  app.get('/oauth2/v3/certs', async (c) => c.json(await publicKeys(simulation)))
  app.get('/o/oauth2/v2/auth', (c) => authorize(simulation, c))
  app.post('/o/oauth2/v2/auth/account', (c) => chooseAccount(simulation, c))
  app.post('/o/oauth2/v2/auth/consent', (c) => consent(simulation, c))
  app.post('/token', (c) => token(simulation, c))
  app.post('/revoke', (c) => revoke(simulation, c))
  app.on(['GET', 'POST'], '/tokeninfo', (c) => tokenInfo(simulation, c))
  app.on(['GET', 'POST'], '/v1/userinfo', (c) => userInfo(simulation, c))
  app.all('/photospicker/*', (c) => api(simulation, c))
  app.all('/photoslibrary/*', (c) => api(simulation, c))
  app.get('/media/*', (c) => media(simulation, c))
  app.route('/', pickerPages(simulation))
  app.route('/', connections(simulation))
  app.route('/', controls(simulation))
  app.get('/', (c) => homePage(c, simulation))
  app.get('/style.css', (c) => c.body(STYLE, 200, { 'Content-Type': 'text/css; charset=utf-8' }))
  return app
}

function inMemory(map: Map<string, Uint8Array>): ByteStore {
  return {
    get: (id) => map.get(id),
    put: (id, value) => void map.set(id, value),
    delete: (id) => void map.delete(id),
  }
}
