/** A page of an app with the SDK, on the broker's site and on another, in Chromium. */

import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import {
  assetsFolder,
  gatherAssets,
  planWithSimulator,
  secretsFile,
} from '../../../src/tools/dev-plans.ts'
import { ensureDevSecrets } from '../../../src/tools/dev-secrets.ts'
import {
  type DevServer,
  isHealthy,
  startDevServer,
  type WorkerPlan,
} from '../../../src/tools/dev-server.ts'
import { chooseAccount, launchChromium, openContext } from './chromium.ts'
import { commandSimulator, mendSimulator, type TellSimulator } from './simulator.ts'
import { findPlace } from './start.ts'

/** The two ways, by how the page's address and the broker's differ. */
export const MODES = ['cookie', 'oauth'] as const
export type Mode = (typeof MODES)[number]

/** Everything that runs. */
export interface Stage {
  chromium: Browser
  /** The broker. */
  url: string
  simulator: string
  /** Where the page is, in either mode. */
  pageAt(mode: Mode): string
  /** Serves a file of one's own below `/own` from now on, by whichever name the site is called. */
  serve(path: string, type: string, body: string): void
  /** Opens the page as somebody who has never been there. */
  visit(mode: Mode, hash?: string): Promise<{ context: BrowserContext; page: Page }>
  /** Tells the simulator something that no person could. */
  tellSimulator: TellSimulator
  /** Closes all pages and mends the simulator, so that the next test finds nothing of this one. */
  clear(): Promise<void>
  close(): Promise<void>
}

/** Buttons, because popups want a click; everything else tests do through `window.broker`. */
function appPage(url: string, simulator: string): string {
  return `<!doctype html><title>An app</title>
<button id="connect">Connect</button> <button id="pick">Pick</button>
<output id="outcome"></output><div id="grid"></div>
<script type="module">
  import { BrokerError, createBroker } from '${url}/client.js'
  import { pickPhotos, uploadPhotos } from '${url}/photos.js'
  const isCookie = location.hostname === 'localhost'
  const client = isCookie ? 'demo' : 'elsewhere'
  const broker = createBroker({ url: '${url}', client, simulator: '${simulator}' })
  const changes = []
  broker.on('change', (change) => changes.push(change))
  Object.assign(window, { broker, BrokerError, changes, pickPhotos, uploadPhotos, bundle: 'pick' })
  const tell = (work) => {
    outcome.textContent = '…'
    work.then((value) => { window.value = value; outcome.textContent = 'ok' },
      (error) => { window.error = error; outcome.textContent = error.code ?? String(error) })
  }
  connect.onclick = () => tell(broker.connect(window.bundle, window.options))
  pick.onclick = () => tell(pickPhotos(broker, window.options))
</script>`
}

/**
 * Starts everything.
 *
 * @param pages files that the broker serves below `/demo/`, made from the address of the simulator
 */
export async function startStage(
  pages: Readonly<Record<string, (simulator: string) => string>> = {},
): Promise<Stage> {
  const place = await findPlace()
  const { values } = await ensureDevSecrets(secretsFile(place))
  await gatherAssets(assetsFolder(place))
  for (const [name, make] of Object.entries(pages))
    await writeFile(
      join(assetsFolder(place), 'demo', name),
      make(`http://localhost:${place.simulator_port}`),
    )
  const port = place.elsewhere_port
  const clients = {
    demo: { origins: [`http://localhost:${port}`, `http://localhost:${place.port}`] },
    elsewhere: {
      origins: [`http://127.0.0.1:${port}`],
      redirect_uris: [`http://127.0.0.1:${port}/`, `http://127.0.0.1:${port}/own`],
    },
  }
  const plans = planWithSimulator(place, values).filter(
    (plan): plan is WorkerPlan => 'args' in plan,
  )
  const servers: DevServer[] = plans.map((plan) =>
    startDevServer({ ...plan, vars: { ...plan.vars, ...clientsFor(plan, clients) } }),
  )
  const url = `http://localhost:${place.port}`
  const simulator = `http://localhost:${place.simulator_port}`
  const own = new Map<string, { type: string; body: string }>()
  const site = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', url)
    const page = { type: 'text/html', body: appPage(url, simulator) }
    const { type, body } = own.get(pathname) ?? page
    response.writeHead(200, { 'Content-Type': `${type}; charset=utf-8` }).end(body)
  })
  await once(site.listen(port, '127.0.0.1'), 'listening')
  const inTime = AbortSignal.timeout(60_000)
  for (const plan of plans)
    if (!(await isHealthy(plan, inTime))) throw new Error(`the ${plan.name} does not answer`)
  const chromium = await launchChromium()
  const pageAt = (mode: Mode): string =>
    `http://${mode === 'cookie' ? 'localhost' : '127.0.0.1'}:${port}/`
  const tellSimulator = await commandSimulator(simulator)
  return {
    ...{ chromium, url, simulator, pageAt },
    serve: (path, type, body) => void own.set(path, { type, body }),
    async visit(mode, hash = '') {
      const context = await openContext(chromium)
      const page = await context.newPage()
      await page.goto(pageAt(mode) + hash)
      await page.waitForFunction('window.broker')
      return { context, page }
    },
    tellSimulator,
    async clear() {
      for (const context of chromium.contexts()) await context.close()
      await mendSimulator(tellSimulator)
    },
    async close() {
      await chromium.close()
      await Promise.all(servers.map((server) => server.stop()))
      site.close()
      site.closeAllConnections()
      await rm(place.home, { recursive: true })
    },
  }
}

function clientsFor({ name }: WorkerPlan, clients: object): Record<string, string> {
  return name === 'broker' ? { CLIENTS: JSON.stringify(clients) } : {}
}

/** Presses Connect and consents in the popup; @returns the popup's page, closed by then */
export async function connect(page: Page, bundle = 'pick', person = 'Ada Brook'): Promise<void> {
  const popup = await openConsent(page, bundle, person)
  await popup.getByRole('button', { name: 'Continue' }).click()
  await outcome(page, 'ok')
}

/** Presses Connect and goes as far as the consent page in the popup. */
export async function openConsent(
  page: Page,
  bundle = 'pick',
  person = 'Ada Brook',
): Promise<Page> {
  await page.evaluate((name) => Object.assign(window, { bundle: name }), bundle)
  const [popup] = await Promise.all([
    page.waitForEvent('popup'),
    page.getByRole('button', { name: 'Connect' }).click(),
  ])
  await chooseAccount(popup, person)
  return popup
}

/** Waits until the page says what came of the last click. */
export async function outcome(page: Page, text: string): Promise<void> {
  await page.locator('#outcome', { hasText: new RegExp(`^${text}$`) }).waitFor()
}
