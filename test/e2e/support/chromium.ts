/** Chromium, and what a user does on the demo page and on Google's pages. */

import sparticuz from '@sparticuz/chromium'
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core'

/** Users of the simulator. */
export const ADA = 'Ada Brook'
export const BEN = 'Ben Okafor'
export const CHIARA = 'Chiara Lund'

/** Arguments that switch off CORS and site isolation: without those, the tests would prove nothing. */
const UNLIKE_A_BROWSER = [
  '--single-process', // it ends with its first context
  '--disable-web-security',
  '--disable-site-isolation-trials',
  '--disable-features=AudioServiceOutOfProcess,IsolateOrigins,site-per-process',
  '--allow-running-insecure-content',
]

/** Arguments that draw every frame with a software GL, which takes a quarter of the time of a test. */
const SLOW = [
  '--ignore-gpu-blocklist',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--no-zygote',
]

/** Launches Chromium without third-party cookies, as in Safari and Firefox. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = await sparticuz.executablePath()
  return chromium.launch({
    executablePath,
    args: [
      ...sparticuz.args.filter((arg) => ![...UNLIKE_A_BROWSER, ...SLOW].includes(arg)),
      '--disable-features=AudioServiceOutOfProcess', // only the last list counts, and Playwright's own would allow those cookies
      '--test-third-party-cookie-phaseout',
      '--disable-gpu',
    ],
    headless: true,
  })
}

/** Opens a new context. A window in it has the focus until it opens a popup. */
export async function openContext(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext()
  context.setDefaultTimeout(20_000)
  await context.addInitScript(() => {
    document.hasFocus = () => !('isBehind' in window) // without a screen, every window says that it has the focus
  })
  context.on('page', (page) =>
    page.on('popup', (popup) => {
      popup.on('close', () => void page.evaluate('delete window.isBehind').catch(gone))
      page.evaluate('window.isBehind = true').catch(gone)
    }),
  )
  return context
}

/** The page may be closed by the time of the event. */
function gone(): void {}

/** The card of a bundle. */
export function card(page: Page, bundle: string): Locator {
  return page.getByRole('article', { name: bundle, exact: true })
}

/** Presses a button of a bundle's card. */
export async function press(page: Page, bundle: string, button: string): Promise<void> {
  await card(page, bundle).getByRole('button', { name: button }).click()
}

/** Uploads files from disk on a bundle's card: each is one grey pixel. */
export async function upload(page: Page, bundle: string, ...names: string[]): Promise<void> {
  const buffer = Buffer.from(GREY_PIXEL, 'base64')
  const files = names.map((name) => ({ name, mimeType: 'image/png', buffer }))
  await card(page, bundle).getByLabel('Photos or videos').setInputFiles(files)
  await card(page, bundle).getByRole('button', { name: 'Upload', exact: true }).click()
}

const GREY_PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=='

/** Goes on where the broker asks, chooses an account if Google asks for one, and ticks all boxes of the consent page. */
export async function chooseAccount(page: Page, name: string): Promise<void> {
  const account = page.getByRole('button', { name })
  const consent = page.getByRole('button', { name: 'Continue' })
  const approval = page.getByRole('link', { name: 'Continue', exact: true })
  await approval.or(account).or(consent).first().waitFor()
  if (await approval.isVisible()) await approval.click()
  await account.or(consent).first().waitFor()
  if (await account.isVisible()) await account.click()
  await consent.waitFor()
  for (const box of await page.getByRole('checkbox').all()) await box.check()
}

/** Presses Connect on the demo page, and ticks all boxes of the consent page in the popup. */
export async function openDemoConsent(page: Page, bundle: string, name: string): Promise<Page> {
  const [popup] = await Promise.all([
    page.waitForEvent('popup'),
    card(page, bundle)
      .getByRole('button', { name: `Connect ${bundle}` })
      .click(),
  ])
  await chooseAccount(popup, name)
  return popup
}

/** Presses a button of the consent page, which closes its window. */
export async function answer(popup: Page, button: 'Continue' | 'Cancel'): Promise<void> {
  const closed = popup.waitForEvent('close')
  await popup.getByRole('button', { name: button }).click()
  await closed
}

/** Connects a bundle on the demo page. */
export async function connectDemo(page: Page, bundle: string, name: string): Promise<void> {
  await answer(await openDemoConsent(page, bundle, name), 'Continue')
  await isReady(page, bundle)
}

/** Runs in the page: ends all grants. As text, because the test runner rewrites `import()`. */
const DISCONNECT = `import('/demo/broker.js').then(({ broker }) => broker.disconnect())
  .then(() => 'ended', ({ code }) => code === 'login_required' ? 'ended' : code)`

/** Ends all grants of the demo page, so that the next test begins with none. */
export async function disconnectDemo(page: Page): Promise<void> {
  const home = new URL('/', page.url()).href
  if (page.url() !== home) await page.goto(home)
  const result = await page.evaluate(DISCONNECT)
  if (result !== 'ended') throw new Error(`disconnect: ${result}`)
}

/** Waits until a bundle is ready. */
export async function isReady(page: Page, bundle: string): Promise<void> {
  await card(page, bundle).getByText('You allowed this on').waitFor()
}

/** Presses Tab until the focus is on something with this text. */
export async function tabTo(page: Page, text: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab')
    const focused = await page.evaluate(() => {
      const { activeElement: active, body } = document
      return active === body ? '' : (active?.closest('label') ?? active)?.textContent
    })
    if (focused?.includes(text)) return
  }
  throw new Error(`Tab never reached "${text}"`)
}

/** Picks the first photos in Google's picker, which then closes its window. */
export async function pickPhotos(picker: Page, count: number): Promise<void> {
  const photos = picker.getByRole('checkbox')
  await photos.first().waitFor()
  for (let index = 0; index < count; index++) await photos.nth(index).check()
  const closed = picker.waitForEvent('close')
  await picker.getByRole('button', { name: 'Done' }).click()
  await closed
}

/** Where a demo page shows the result of an action. */
export function notice(page: Page): Locator {
  return page.locator('#notice')
}

/** Waits until a part of the page shows a text. */
export async function shows(page: Page, part: string, text: string): Promise<void> {
  await page.locator(part, { hasText: text }).waitFor()
}
