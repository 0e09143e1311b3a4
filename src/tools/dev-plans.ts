/** What runs in development: the broker with its demo page, a demo page on another site, and the simulator. */

import { readdirSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onOtherSite } from '../demo/sites.ts'
import { buildClient, CLIENT_FOLDER } from './client-modules.ts'
import { type DemoClients, type OwnTables, withOwnClients } from './dev-clients.ts'
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
  /** Path of `wrangler.toml`. */
  config: string
}

/** The client that the simulator knows; not a secret. */
const SIMULATOR_CLIENT = { client_id: 'simulator-client', client_secret: 'simulator-secret' }

const GOOGLE_ISSUER = 'https://accounts.google.com'

const DEMO = new URL('../demo/', import.meta.url)

/** Plans the broker and the other site, with the real Google. */
export function planWithGoogle(places: Places, secrets: Secrets, tables: OwnTables): DevPlan[] {
  return [planBroker(places, GOOGLE_ISSUER, secrets, tables), planOtherSite(places, GOOGLE_ISSUER)]
}

/** Plans the broker, the other site and the simulator. */
export function planWithSimulator(
  places: Places,
  secrets: Secrets,
  tables: OwnTables = withOwnClients(demoClients(places), {}),
): DevPlan[] {
  const issuer = originAt(places.simulator_port)
  const { client_id, client_secret } = SIMULATOR_CLIENT
  const own = { GOOGLE_CLIENT_ID: client_id, GOOGLE_CLIENT_SECRET: client_secret }
  return [
    planSimulator(places, issuer),
    planBroker(places, issuer, { ...secrets, ...own }, tables),
    planOtherSite(places, issuer),
  ]
}

/** The origin of a server, always by this host name: cookies are bound to it. */
export function originAt(port: number): string {
  return `http://localhost:${port}`
}

/** The origin of the demo page on another site: to a browser, this host and `localhost` are two sites; https://html.spec.whatwg.org/#sites. */
export function elsewhereAt(port: number): string {
  return `http://127.0.0.1:${port}`
}

/** The path of the development secrets. */
export function secretsFile({ home }: Places): string {
  return join(home, '.dev.vars')
}

/** The folder of the files that the Worker serves unchanged. */
export function assetsFolder({ home }: Places): string {
  return join(home, '.wrangler/assets')
}

/** Builds the browser modules and copies them, with the files of the demo page, into an empty folder. */
export async function gatherAssets(folder: string): Promise<void> {
  await buildClient()
  await rm(folder, { recursive: true, force: true })
  await cp(fileURLToPath(new URL('public', DEMO)), folder, { recursive: true })
  await cp(CLIENT_FOLDER, folder, { recursive: true })
}

/** The clients of the demo page: `demo` in cookie mode, `elsewhere` in OAuth mode. */
export function demoClients({ port, elsewhere_port }: Places): DemoClients {
  const elsewhere = elsewhereAt(elsewhere_port)
  return {
    demo: { origins: [originAt(port)] },
    elsewhere: { origins: [elsewhere], redirect_uris: [`${elsewhere}/`, `${elsewhere}/library/`] },
  }
}

/** Sets the variables of a broker on this machine: those of wrangler.toml may be of a production broker. */
function planBroker(
  places: Places,
  issuer: string,
  secrets: Secrets,
  { clients, bundles }: OwnTables,
): WorkerPlan {
  const { port, elsewhere_port } = places
  const [origin, elsewhere] = [originAt(port), elsewhereAt(elsewhere_port)]
  return {
    name: 'broker',
    port,
    option: '--port',
    health: '/healthz',
    args: [
      'src/demo/worker.ts',
      ...['--config', places.config, '--assets', assetsFolder(places)],
      ...['--env-file', secretsFile(places), '--persist-to', join(places.home, '.wrangler/state')],
    ],
    vars: {
      BASE_URL: origin,
      SECURITY_EVENTS: 'on',
      CLIENTS: JSON.stringify(clients),
      ...(bundles ? { BUNDLES: JSON.stringify(bundles) } : {}),
      DEMO_ELSEWHERE: elsewhere,
      ISSUER: issuer,
      GOOGLE_CLIENT_ID: secrets['GOOGLE_CLIENT_ID'] ?? '',
    },
    secrets,
  }
}

function planOtherSite({ port, elsewhere_port }: Places, issuer: string): SitePlan {
  const origin = elsewhereAt(elsewhere_port)
  return {
    name: 'other site',
    port: elsewhere_port,
    option: '--elsewhere-port',
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

/** The demo's modules and styles, at the same paths as on the broker's site. */
function listDemoFiles(): Map<string, URL> {
  const folder = new URL('public/demo/', DEMO)
  const library = new URL(import.meta.resolve('oauth4webapi'))
  const files = new Map([['/oauth4webapi.js', library]])
  for (const name of readdirSync(folder)) files.set(`/demo/${name}`, new URL(name, folder))
  return files
}

function planSimulator(places: Places, issuer: string): WorkerPlan {
  const broker = originAt(places.port)
  const client = {
    ...SIMULATOR_CLIENT,
    name: 'Photos token broker demo',
    redirect_uris: [`${broker}/callback`],
    receiver: `${broker}/events`,
  }
  const state = join(places.home, '.wrangler/simulator') // two runtimes would lock each other's files
  return {
    name: 'simulator',
    port: places.simulator_port,
    option: '--simulator-port',
    health: '/.well-known/openid-configuration',
    args: ['--config', 'src/simulator/wrangler.toml', '--persist-to', state],
    vars: { SIMULATOR_URL: issuer, CLIENTS: JSON.stringify([client]) },
  }
}
