/** This file is the demo page opened in a real browser, with what `npm start` starts behind it. */

import { rm } from 'node:fs/promises'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { expect } from 'vitest'
import { launchChromium, openContext } from './chromium.ts'
import type { Mode } from './sdk.ts'
import { commandSimulator, mendSimulator, type TellSimulator } from './simulator.ts'
import { findPlace, type Run, startReady } from './start.ts'

/** Everything that runs. */
export interface Demo {
  url: string
  /** Where the page is, in either mode. */
  pageAt(mode: Mode): string
  run: Run
  chromium: Browser
  /** Opens a page as somebody who has never been there. */
  visit(mode: Mode): Promise<{ context: BrowserContext; page: Page }>
  /** Disconnects a visitor, so that the next test finds nothing of this one; fails if a page complained. */
  leave(page: Page): Promise<void>
  /** Tells the simulator something that no person could. */
  tellSimulator: TellSimulator
  close(): Promise<void>
}

/** Starts everything. */
export async function startDemo(): Promise<Demo> {
  const place = await findPlace()
  const [run, chromium] = await Promise.all([startReady(place), launchChromium()])
  const { url, simulator } = run

  const tellSimulator = await commandSimulator(simulator)

  /** What no visit may cause: uncaught errors, and anything the page's own policy forbids. */
  const complaints: string[] = []
  const pageAt = (mode: Mode): string => `${mode === 'cookie' ? url : run.elsewhere}/`

  return {
    url,
    pageAt,
    run,
    chromium,
    tellSimulator,
    async visit(mode) {
      const context = await openContext(chromium)
      context.on('weberror', (event) => complaints.push(String(event.error())))
      context.on('console', (message) => {
        if (message.text().includes('Content Security Policy')) complaints.push(message.text())
      })
      const page = await context.newPage()
      await page.goto(pageAt(mode))
      await page.getByText('Nobody is connected').waitFor()
      return { context, page }
    },
    async leave(page) {
      const home = new URL('/', page.url()).href
      if (page.url() !== home) await page.goto(home)
      expect(await page.evaluate(DISCONNECT)).toBe('gone')
      await page.context().close()
      await mendSimulator(tellSimulator)
      if (complaints.length > 0) throw new Error(complaints.splice(0).join('\n'))
    },
    async close() {
      await chromium.close()
      run.signal('SIGTERM')
      await run.ended
      await rm(place.home, { recursive: true })
    },
  }
}

/** Runs in the page: ends what its broker holds, without a button. As text, since the test runner rewrites `import()`. */
const DISCONNECT = `import('/demo/broker.js').then(({ broker }) => broker.disconnect())
  .then(() => 'gone', ({ code }) => code === 'login_required' ? 'gone' : code)`
