/** This file is a real browser, and a person in front of it who knows the demo page and Google's pages. */

import sparticuz from '@sparticuz/chromium'
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core'

/** People the simulator has made up. */
export const ADA = 'Ada Brook'
export const BEN = 'Ben Okafor'
export const CHIARA = 'Chiara Lund'

/** Arguments that would make another browser of it: without CORS and sites of their own, nothing here proves anything. */
const UNLIKE_A_BROWSER = [
  '--single-process', // it ends with its first context
  '--disable-web-security',
  '--disable-site-isolation-trials',
  '--disable-features=AudioServiceOutOfProcess,IsolateOrigins,site-per-process',
  '--allow-running-insecure-content',
]

/** Arguments that draw every frame through a GL made of software, a quarter of the time a test takes. */
const SLOW = [
  '--ignore-gpu-blocklist',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--no-zygote',
]

/** Launches Chromium; no site in it gets its cookies when it is called from another, as in Safari and Firefox. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = await sparticuz.executablePath()
  return chromium.launch({
    executablePath,
    args: [
      ...sparticuz.args.filter((arg) => ![...UNLIKE_A_BROWSER, ...SLOW].includes(arg)),
      '--disable-features=AudioServiceOutOfProcess', // the last list counts: Playwright's own would let such cookies pass
      '--test-third-party-cookie-phaseout',
      '--disable-gpu',
    ],
    headless: true,
  })
}

/** Opens the windows of somebody who has never been anywhere; a window has the focus until it opens another. */
export async function openContext(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext()
  context.setDefaultTimeout(20_000)
  await context.addInitScript(() => {
    document.hasFocus = () => !('isBehind' in window) // without a screen each says that it has it
  })
  context.on('page', (page) =>
    page.on('popup', (popup) => {
      popup.on('close', () => void page.evaluate('delete window.isBehind').catch(gone))
      page.evaluate('window.isBehind = true').catch(gone)
    }),
  )
  return context
}

/** What an event finds of a page that was closed meanwhile. */
function gone(): void {}

/** The card of a bundle. */
export function card(page: Page, bundle: string): Locator {
  return page.getByRole('article', { name: bundle, exact: true })
}

/** Presses a button of a bundle's card. */
export async function press(page: Page, bundle: string, button: string): Promise<void> {
  await card(page, bundle).getByRole('button', { name: button }).click()
}

/** Chooses an account if Google asks for one, up to the consent page. */
export async function chooseAccount(page: Page, name: string): Promise<void> {
  const account = page.getByRole('button', { name })
  const consent = page.getByRole('button', { name: 'Continue' })
  await account.or(consent).first().waitFor()
  if (await account.isVisible()) await account.click()
  await consent.waitFor()
}

/** Presses Connect on the demo page, up to the consent page in the window that opens. */
export async function askConsent(page: Page, bundle: string, name: string): Promise<Page> {
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

/** Connects a bundle on the demo page, from one end to the other. */
export async function connect(page: Page, bundle: string, name: string): Promise<void> {
  await answer(await askConsent(page, bundle, name), 'Continue')
  await isReady(page, bundle)
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
  throw new Error(`Tab never came to "${text}"`)
}

/** Picks the first photos in Google's picker, up to its closing. */
export async function pickPhotos(picker: Page, count: number): Promise<void> {
  const photos = picker.getByRole('checkbox')
  await photos.first().waitFor()
  for (let index = 0; index < count; index++) await photos.nth(index).check()
  const closed = picker.waitForEvent('close')
  await picker.getByRole('button', { name: 'Done' }).click()
  await closed
}

/** Where a demo page says what came of things. */
export function notice(page: Page): Locator {
  return page.locator('#notice')
}

/** Waits until a part of the page says something. */
export async function says(page: Page, part: string, text: string): Promise<void> {
  await page.locator(part, { hasText: text }).waitFor()
}
