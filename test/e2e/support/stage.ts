/** What the browser tests run against: broker, simulator, the demo pages, a page with the SDK, and Chromium. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterEach, beforeAll, inject } from 'vitest'

import {
  assetsFolder,
  gatherAssets,
  planWithSimulator,
  secretsFile,
} from '../../../src/tools/dev-plans.ts'
import { ensureDevSecrets } from '../../../src/tools/dev-secrets.ts'
import { isHealthy, startDevServer } from '../../../src/tools/dev-server.ts'
import { startSite } from '../../../src/tools/site-server.ts'
import { ADA, chooseAccount, launchChromium, openContext } from './chromium.ts'
import { findPlace } from './start.ts'

/** In cookie mode a page and the broker are one site (`localhost`); in OAuth mode they are two (`127.0.0.1`). */
export const MODES = ['cookie', 'oauth'] as const
export type Mode = (typeof MODES)[number]

/** The running servers and the browser. */
export interface Stage {
  chromium: Browser
  /** Origin of the broker. */
  url: string
  /** Origin of the simulator. */
  simulator: string
  /** URL of the page with the SDK. */
  pageAt(mode: Mode): string
  /** URL of the demo page. */
  demoAt(mode: Mode): string
  /** Serves a file below `/own` on the site of the page with the SDK. */
  serve(path: string, type: string, body: string): void
  /** Opens the page with the SDK in a new browser context. */
  visit(mode: Mode, hash?: string): Promise<{ context: BrowserContext; page: Page }>
  /** Opens the demo page in a new browser context; `clear` fails if a script or the page's CSP complained. */
  visitDemo(mode: Mode): Promise<{ context: BrowserContext; page: Page }>
  /** Posts to a control endpoint of the simulator, such as `__faults`; without a body it deletes. */
  control(path: string, body?: object): Promise<void>
  /** Reads the `sub` that a user has in this test. */
  subOf(name: string): Promise<string>
  /** Closes all pages, makes all users new, and takes the simulator's faults back: no test meets what another left. */
  clear(): Promise<void>
}

/** Buttons, because popups need a click; everything else tests do through `window.broker`. */
function appPage(url: string): string {
  return `<!doctype html><title>An app</title>
<button id="connect">Connect</button> <button id="pick">Pick</button>
<output id="outcome"></output><div id="grid"></div>
<script type="module">
  import { BrokerError, createBroker } from '${url}/client.js'
  import { pickPhotos, uploadPhotos } from '${url}/photos.js'
  const isCookie = location.hostname === 'localhost'
  const client = isCookie ? 'demo' : 'elsewhere'
  const broker = createBroker({ url: '${url}', client })
  const changes = []
  broker.on('change', (change) => changes.push(change))
  Object.assign(window, { broker, BrokerError, changes, pickPhotos, uploadPhotos, bundle: 'pick' })
  const show = (work) => {
    outcome.textContent = '…'
    work.then((value) => { window.value = value; outcome.textContent = 'ok' },
      (error) => { window.error = error; outcome.textContent = error.code ?? String(error) })
  }
  connect.onclick = () => show(broker.connect(window.bundle, window.options))
  pick.onclick = () => show(pickPhotos(broker, window.options))
</script>`
}

/** The stage of the running tests. */
export let stage: Stage

/** Gives every test of a file a cleared stage. One serves all files of a process of the test runner, and ends with it. */
export function useStage(): void {
  beforeAll(async () => {
    const shared = globalThis as { stage?: Promise<Stage> }
    shared.stage ??= openStage()
    stage = await shared.stage
  })
  afterEach(() => stage.clear())
}

async function openStage(): Promise<Stage> {
  const place = await findPlace(inject('homes'))
  const [url, simulator] = [`http://localhost:${place.port}`, originOf(place.simulator_port)]
  const { values } = await ensureDevSecrets(secretsFile(place))
  await gatherAssets(assetsFolder(place))
  const own = new Map<string, { type: string; body: string }>()
  const app = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', url)
    const page = { type: 'text/html', body: appPage(url) }
    const { type, body } = own.get(pathname) ?? page
    response.writeHead(200, { 'Content-Type': `${type}; charset=utf-8` }).end(body)
  })
  await once(app.listen(0, '127.0.0.1'), 'listening')
  const { port } = app.address() as AddressInfo

  const [demo, page] = [`http://127.0.0.1:${place.elsewhere_port}`, `http://127.0.0.1:${port}`]
  const anyPage = ['http://localhost:*', 'http://127.0.0.1:*']
  const clients = {
    local: { origins: anyPage, redirect_uris: anyPage },
    demo: { origins: [originOf(port), url] },
    elsewhere: {
      origins: [page, demo],
      redirect_uris: [`${page}/`, `${page}/own`, `${demo}/`, `${demo}/library/`],
    },
  }
  const plans = planWithSimulator(place, values)
  for (const plan of plans) {
    if ('files' in plan) {
      startSite(plan)
      continue
    }
    const vars = plan.name === 'broker' ? { CLIENTS: JSON.stringify(clients) } : {}
    startDevServer({ ...plan, vars: { ...plan.vars, ...vars } })
  }
  const inTime = AbortSignal.timeout(60_000)
  const [chromium, ...healthy] = await Promise.all([
    launchChromium(),
    ...plans.map((plan) => isHealthy(plan, inTime)),
  ])
  if (healthy.includes(false)) throw new Error('a server does not answer')

  const complaints: string[] = []
  const stage: Stage = {
    ...{ chromium, url, simulator },
    pageAt: (mode) => (mode === 'cookie' ? `${originOf(port)}/` : `${page}/`),
    demoAt: (mode) => (mode === 'cookie' ? `${url}/` : `${demo}/`),
    serve: (path, type, body) => void own.set(path, { type, body }),
    async visit(mode, hash = '') {
      const context = await openContext(chromium)
      const page = await context.newPage()
      await page.goto(stage.pageAt(mode) + hash)
      await page.waitForFunction('window.broker')
      return { context, page }
    },
    async visitDemo(mode) {
      const context = await openContext(chromium)
      context.on('weberror', (event) => complaints.push(String(event.error())))
      context.on('console', (message) => {
        if (message.text().includes('Content Security Policy')) complaints.push(message.text())
      })
      const page = await context.newPage()
      await page.goto(stage.demoAt(mode))
      await page.getByText('Nobody is connected').waitFor()
      return { context, page }
    },
    async control(path, body) {
      const headers = { 'Content-Type': 'application/json' }
      const init = body ? { method: 'POST', headers, body: JSON.stringify(body) } : {}
      const { status } = await fetch(`${simulator}/${path}`, { method: 'DELETE', ...init })
      if (status >= 300) throw new Error(`the simulator answered ${status} to ${path}`)
    },
    async subOf(name) {
      const accounts: { name: string; sub: string }[] = await (
        await fetch(`${simulator}/__accounts`)
      ).json()
      return accounts.find((account) => account.name === name)?.sub ?? 'nobody'
    },
    async clear() {
      await Promise.all(chromium.contexts().map((context) => context.close()))
      await stage.control('__settings', { opener_policy: 'unsafe-none', boxes_ticked: false })
      await stage.control('__faults')
      await stage.control('__accounts')
      if (complaints.length > 0) throw new Error(complaints.splice(0).join('\n'))
    },
  }
  app.unref()
  await stage.control('__settings', { poll_interval_seconds: 0.1 })
  return stage
}

function originOf(port: number): string {
  return `http://localhost:${port}`
}

/** Presses Connect and consents in the popup. */
export async function connect(page: Page, bundle = 'pick', person = ADA): Promise<void> {
  const popup = await openConsent(page, bundle, person)
  await popup.getByRole('button', { name: 'Continue' }).click()
  await outcome(page, 'ok')
}

/** Presses Connect, and ticks all boxes of the consent page in the popup. */
export async function openConsent(page: Page, bundle = 'pick', person = ADA): Promise<Page> {
  await page.evaluate((name) => Object.assign(window, { bundle: name }), bundle)
  const popup = await openPopup(page, 'Connect')
  await chooseAccount(popup, person)
  return popup
}

/** Presses a button that opens a popup. */
export async function openPopup(page: Page, button: string): Promise<Page> {
  const [popup] = await Promise.all([
    page.waitForEvent('popup'),
    page.getByRole('button', { name: button }).click(),
  ])
  return popup
}

/** Waits for the result of the last click, which has to match: `ok`, or the code of an error. */
export async function outcome(page: Page, expected: string): Promise<void> {
  const shown = page.locator('#outcome', { hasText: /^[^…]+$/ })
  await shown.waitFor()
  const text = (await shown.textContent()) ?? ''
  if (!RegExp(`^(?:${expected})$`).test(text))
    throw new Error(`the page shows ${text}, not ${expected}`)
}
