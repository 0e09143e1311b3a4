/** What runs in development: the broker with its demo page, a demo page on another site, and the simulator. */

import { readdirSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onOtherSite } from '../demo/sites.ts'
import { buildClient, CLIENT_FOLDER } from './client-modules.ts'
import type { WorkerPlan } from './dev-server.ts'
import type { Secrets } from './secrets-file.ts'
import type { SitePlan } from './site-server.ts'

/** A plan for any kind of server. */
export type DevPlan = WorkerPlan | SitePlan

/** Ports and the folder of a run. */
export interface Places {
  port: number
  simulator_port: number
  elsewhere_port: number
  /** Folder of `.dev.vars` and of the stored state. */
  home: string
}

/** The client that the simulator knows; not a secret. */
const SIMULATOR_CLIENT = { client_id: 'simulator-client', client_secret: 'simulator-secret' }

const GOOGLE_ISSUER = 'https://accounts.google.com'

const DEMO = new URL('../demo/', import.meta.url)

/** Folder of the demo's modules and styles, at the same path on both sites. */
const DEMO_FILES = 'demo/'

/** Plans the broker and the other site, with the real Google. */
export function planWithGoogle(places: Places, values: Secrets): DevPlan[] {
  const { GOOGLE_CLIENT_ID = '' } = values
  return [
    planBroker(places, { ISSUER: GOOGLE_ISSUER, GOOGLE_CLIENT_ID }, values),
    planOtherSite(places, GOOGLE_ISSUER),
  ]
}

/** Plans the broker, the other site and the simulator. */
export function planWithSimulator(places: Places, values: Secrets): DevPlan[] {
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

/** The origin of a server, always by this host name: cookies are bound to it. */
export function originAt(port: number): string {
  return `http://localhost:${port}`
}

/** The path of the development secrets. */
export function secretsFile({ home }: Places): string {
  return join(home, '.dev.vars')
}

/** The folder of the files that the Worker serves unchanged. */
export function assetsFolder({ home }: Places): string {
  return join(home, '.wrangler', 'assets')
}

/** The origin of the demo page on another site: to a browser, this host and `localhost` are two sites; https://html.spec.whatwg.org/#sites. */
export function elsewhereAt(port: number): string {
  return `http://127.0.0.1:${port}`
}

/** Builds the browser modules and copies them, with the files of the demo page, into an empty folder. */
export async function gatherAssets(folder: string): Promise<void> {
  await buildClient()
  await rm(folder, { recursive: true, force: true })
  await cp(fileURLToPath(new URL('public', DEMO)), folder, { recursive: true })
  await cp(CLIENT_FOLDER, folder, { recursive: true })
}

/** Sets every variable of its own: those of wrangler.toml may be of a production broker. */
function planBroker(
  places: Places,
  vars: Readonly<Record<string, string>>,
  secrets: Secrets,
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

/** The clients: one page in each mode. */
function clientsOf({ port, elsewhere_port }: Places): object {
  const elsewhere = elsewhereAt(elsewhere_port)
  return {
    demo: { origins: [originAt(port)] },
    elsewhere: { origins: [elsewhere], redirect_uris: [`${elsewhere}/`, `${elsewhere}/library/`] },
  }
}

function planOtherSite({ port, elsewhere_port }: Places, issuer: string): SitePlan {
  const origin = elsewhereAt(elsewhere_port)
  return {
    name: 'other site',
    port: elsewhere_port,
    health: '/',
    origin,
    site: onOtherSite({ broker: originAt(port), elsewhere: origin, issuer }),
    pages: new Map([
      ['/', new URL('page.html', DEMO)],
      ['/library/', new URL('library.html', DEMO)],
    ]),
    files: listDemoFiles(),
  }
}

function listDemoFiles(): Map<string, URL> {
  const folder = new URL(`public/${DEMO_FILES}`, DEMO)
  const files = readdirSync(folder).map((name) => [`/${DEMO_FILES}${name}`, new URL(name, folder)])
  const library = ['/oauth4webapi.js', new URL(import.meta.resolve('oauth4webapi'))]
  return new Map([...files, library] as [string, URL][])
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

/** Each runtime gets its own folder: two would lock each other's files. */
function stateFolder({ home }: Places, name: 'state' | 'simulator'): string {
  return join(home, '.wrangler', name)
}
