/** The simulator as Google, and a user who consents on its pages. */

import { createSimulator, type Simulator } from '../../src/simulator/app.ts'
import type { UserChoice } from '../../src/simulator/user.ts'
import { broker, browse, the } from './broker.ts'
import type { Browser, Page } from './browser.ts'
import { register } from './internet.ts'

export const GOOGLE = 'https://google.example'

/** Accounts of users, by `sub`. */
export const ADA = '110248495921238986420'
export const BEN = '104211057893346619057'

/** A Google with consent pages. */
export interface SimulatedGoogle {
  simulator: Simulator
  /** Opens a browser that reaches the broker and this Google. */
  browse(): Browser
  /** Connects a bundle; @returns the last page */
  connect(browser: Browser, bundle: string, choice?: Choice): Promise<Page>
  /** Starts a consent; @returns the URL at Google */
  start(browser: Browser, bundle: string, query?: string): Promise<URL>
  /** Consents at Google; @returns the URL of the callback, which is not requested */
  consent(at: URL, choice?: Choice): Promise<URL>
  /** @returns the number of calls of an endpoint, such as `token` */
  calls(endpoint: string): number
}

/** What a user does on Google's pages, and an addition to the query of `/connect`. */
interface Choice extends UserChoice {
  query?: string
}

/** The last simulator by origin; its key is reused, because making an RSA key takes longer than most tests. */
const before = new Map<string, Simulator>()

/** Registers the simulator as Google, at its usual origin or another. */
export function simulateGoogle(origin: string = GOOGLE): SimulatedGoogle {
  const simulator = createSimulator({
    origin,
    clients: [
      {
        ...{ client_id: 'test-client', client_secret: 'canary-client-secret' },
        ...{ redirect_uris: [`${the.url}/callback`], receiver: `${the.url}/events` },
      },
    ],
    send: async (request) => broker(request),
  })
  const { signing_key } = before.get(origin)?.world ?? {}
  if (signing_key) simulator.world.signing_key = signing_key
  before.set(origin, simulator)
  register(origin, async (request) => simulator.fetch(request))
  const isGoogle = (url: URL): boolean => url.origin === origin

  const google: SimulatedGoogle = {
    simulator,
    browse: () => browse({ [origin]: async (request) => simulator.fetch(request) }),
    async start(browser, bundle, query = '') {
      const start = `${the.url}/connect?bundle=${bundle}&return_to=/app${query}`
      const { url, response } = await browser.visit(start, {}, isGoogle)
      if (!isGoogle(url)) throw new Error(`/connect answered ${response.status}`)
      return url
    },
    consent: async (at, choice = {}) => simulator.consent(at.href, choice),
    async connect(browser, bundle, choice = {}) {
      const at = await google.start(browser, bundle, choice.query)
      const page = await browser.visit(await google.consent(at, choice), {}, isGoogle)
      return isGoogle(page.url) ? browser.visit(await google.consent(page.url, choice)) : page
    },
    calls: (endpoint) => simulator.world.log.filter(({ at }) => at.startsWith(endpoint)).length,
  }
  return google
}
