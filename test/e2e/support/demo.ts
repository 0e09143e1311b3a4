/** This file is the demo page opened in a real browser, with what `npm start` starts behind it. */

import { rm } from 'node:fs/promises'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { card, launchChromium } from './chromium.ts'
import { findPlace, type Run, startReady } from './start.ts'

/** Everything that runs. */
export interface Demo {
  url: string
  run: Run
  chromium: Browser
  /** Opens a page, the broker's own if none is named, as somebody who has never been there. */
  visit(address?: string): Promise<{ context: BrowserContext; page: Page }>
  /** Disconnects a visitor, so that the next test finds nothing of this one; fails if a page complained. */
  leave(page: Page): Promise<void>
  /** Tells the simulator something that no person could. */
  tellSimulator(path: string, body: object): Promise<void>
  close(): Promise<void>
}

/** Starts everything. */
export async function startDemo(): Promise<Demo> {
  const place = await findPlace()
  const [run, chromium] = await Promise.all([startReady(place), launchChromium()])
  const { url, simulator } = run

  const tellSimulator: Demo['tellSimulator'] = async (path, body) => {
    const headers = { 'Content-Type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    const { status } = await fetch(`${simulator}/${path}`, init)
    if (status >= 300) throw new Error(`the simulator answered ${status} to ${path}`)
  }
  await tellSimulator('__settings', { poll_interval_seconds: 1 })

  /** What no visit may cause: uncaught errors, and anything the page's own policy forbids. */
  const complaints: string[] = []

  return {
    url,
    run,
    chromium,
    tellSimulator,
    async visit(address = url) {
      const context = await chromium.newContext()
      context.setDefaultTimeout(20_000)
      context.on('weberror', (event) => complaints.push(String(event.error())))
      context.on('console', (message) => {
        if (message.text().includes('Content Security Policy')) complaints.push(message.text())
      })
      const page = await context.newPage()
      await page.goto(address)
      await card(page, 'pick').waitFor()
      return { context, page }
    },
    async leave(page) {
      await page.goto(url)
      await page.evaluate(async () => {
        const headers = { 'X-Requested-With': 'photos-token-broker' }
        await fetch('/grants', { method: 'DELETE', headers })
      })
      await page.context().close()
      for (const account of ['ada@example.com', 'ben.okafor@example.com', 'chiara@studio.example'])
        await tellSimulator('__accounts/revoke', { account })
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
