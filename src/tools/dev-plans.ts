/** This file is what runs in development: the broker with its demo page, one on another site, and the simulator. */

import { join } from 'node:path'
import type { WorkerPlan } from './dev-server.ts'
import { elsewhereAt, planElsewhere } from './elsewhere.ts'
import type { SitePlan } from './site-server.ts'

/** A server of any kind. */
export type DevPlan = WorkerPlan | SitePlan

/** Where everything is. */
export interface Places {
  port: number
  simulator_port: number
  elsewhere_port: number
  /** Folder of `.dev.vars` and of the state. */
  home: string
}

/** The client that the simulator knows; not a secret. */
const SIMULATOR_CLIENT = { client_id: 'simulator-client', client_secret: 'simulator-secret' }

const GOOGLE_ISSUER = 'https://accounts.google.com'

/** What `.dev.vars` holds. */
type Values = Readonly<Record<string, string | undefined>>

/** Plans the broker and the other site, with the real Google. */
export function planWithGoogle(places: Places, values: Values): DevPlan[] {
  const { GOOGLE_CLIENT_ID = '' } = values
  return [
    planBroker(places, { ISSUER: GOOGLE_ISSUER, GOOGLE_CLIENT_ID }, values),
    planOtherSite(places, GOOGLE_ISSUER),
  ]
}

/** Plans the broker, the other site and the simulator. */
export function planWithSimulator(places: Places, values: Values): DevPlan[] {
  const { client_id, client_secret } = SIMULATOR_CLIENT
  const issuer = originAt(places.simulator_port)
  return [
    planSimulator(places, issuer),
    planBroker(
      places,
      { ISSUER: issuer, GOOGLE_CLIENT_ID: client_id },
      { ...values, GOOGLE_CLIENT_SECRET: client_secret },
    ),
    planOtherSite(places, issuer),
  ]
}

/** Where the broker and its demo page are; also where its cookies live, so always by this name. */
export function originAt(port: number): string {
  return `http://localhost:${port}`
}

/** The file of the development secrets. */
export function secretsFile({ home }: Places): string {
  return join(home, '.dev.vars')
}

/** Where everything is gathered that the Worker serves as it is. */
export function assetsFolder({ home }: Places): string {
  return join(home, '.wrangler', 'assets')
}

/** Variables come over those of wrangler.toml, which may be somebody's production by now. */
function planBroker(
  places: Places,
  vars: Readonly<Record<string, string>>,
  secrets: Values,
): WorkerPlan {
  const origin = originAt(places.port)
  return {
    name: 'broker',
    port: places.port,
    health: '/healthz',
    args: [
      'src/demo/worker.ts',
      ...['--config', 'wrangler.toml', '--assets', assetsFolder(places)],
      ...['--env-file', secretsFile(places), '--persist-to', stateFolder(places, 'state')],
    ],
    vars: {
      BASE_URL: origin,
      CLIENTS: JSON.stringify(clientsOf(places)),
      DEMO_ELSEWHERE: elsewhereAt(places.elsewhere_port),
      ...vars,
    },
    secrets,
  }
}

/** One page in each mode. */
function clientsOf({ port, elsewhere_port }: Places): object {
  const elsewhere = elsewhereAt(elsewhere_port)
  return {
    demo: { origins: [originAt(port)] },
    elsewhere: { origins: [elsewhere], redirect_uris: [`${elsewhere}/`, `${elsewhere}/library/`] },
  }
}

function planOtherSite({ port, elsewhere_port }: Places, issuer: string): SitePlan {
  return planElsewhere({ port: elsewhere_port, broker: originAt(port), issuer })
}

function planSimulator(places: Places, issuer: string): WorkerPlan {
  const { client_id, client_secret } = SIMULATOR_CLIENT
  const broker = originAt(places.port)
  return {
    name: 'simulator',
    port: places.simulator_port,
    health: '/.well-known/openid-configuration',
    args: [
      '--config',
      'src/simulator/wrangler.toml',
      '--persist-to',
      stateFolder(places, 'simulator'),
    ],
    vars: {
      SIMULATOR_URL: issuer,
      CLIENTS: JSON.stringify([
        {
          ...{ client_id, client_secret, name: 'Photos token broker demo' },
          ...{ redirect_uris: [`${broker}/callback`], receiver: `${broker}/events` },
        },
      ]),
    },
  }
}

/** One folder each: two runtimes would lock each other out of the same files. */
function stateFolder({ home }: Places, name: 'state' | 'simulator'): string {
  return join(home, '.wrangler', name)
}
