/** The Chromium that `npm ci` installs, by Playwright, as in `npm test`. */

import type { Page } from 'playwright-core'
import { launchChromium, openContext } from '../e2e/support/chromium.ts'
import type { Browser, Profile } from './driver.ts'

/** Starts Chromium, without a screen. */
export async function startChromium(): Promise<Browser> {
  const chromium = await launchChromium()
  return {
    name: `Chromium ${chromium.version()}`,
    openProfile: async () => toProfile(await openContext(chromium)),
    stop: () => chromium.close(),
  }
}

function toProfile(context: Awaited<ReturnType<typeof openContext>>): Profile {
  const ids = new Map<Page, string>()
  const idOf = (page: Page): string => {
    const id = ids.get(page) ?? `page ${ids.size}`
    ids.set(page, id)
    return id
  }
  const pageOf = (id: string): Page => {
    const page = context.pages().find((one) => idOf(one) === id)
    if (!page) throw new Error('the window is closed')
    return page
  }
  return {
    open: async () => idOf(await context.newPage()),
    list: async () => context.pages().map(idOf),
    go: async (window, url) => void (await pageOf(window).goto(url)),
    back: async (window) => void (await pageOf(window).goBack()),
    evaluate: (window, expression) => pageOf(window).evaluate(expression),
    click: (window, x, y) => pageOf(window).mouse.click(x, y),
    chooseFile: (window, selector, path) => pageOf(window).setInputFiles(selector, path),
    screenshot: (window) => pageOf(window).screenshot(),
    close: (window) => pageOf(window).close(),
    end: () => context.close(),
  }
}
