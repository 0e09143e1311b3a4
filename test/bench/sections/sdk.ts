/** This file is an hour of the SDK in Chromium: how often its tabs ask the broker, with one tab and with five. */

import type { BrowserContext, Page } from 'playwright-core'
import type { Broker } from '../../../src/client/index.ts'
import { connect, startStage } from '../../e2e/support/stage.ts'
import { say } from '../say.ts'
import type { Plan, Section } from '../section.ts'

declare const broker: Broker

/** How many tabs, and whose: somebody who has not consented yet. */
const BROWSERS = [
  { tabs: 1, person: 'Ada Brook' },
  { tabs: 5, person: 'Ben Okafor' },
]
const HOUR_SECONDS = 60 * 60

/** Lets an hour pass in each, by the browser's clock; the broker's own stands still, and it hands out a whole life each time. */
export async function measureSdk({ asks_an_hour }: Plan): Promise<Section> {
  const stage = await startStage()
  try {
    let version = ''
    const rows: [tabs: number, calls: number, asks: number][] = []
    for (const { tabs, person } of BROWSERS) {
      const { context, page } = await stage.visit('cookie')
      await connect(page, 'pick', person)
      version = context.browser()?.version() ?? ''
      const pages = [page]
      while (pages.length < tabs) pages.push(await openTab(context, stage.pageAt('cookie')))
      const seen = await anHour(context, pages, `${stage.url}/session/token`, asks_an_hour)
      rows.push([tabs, seen, asks_an_hour * tabs])
      say(`SDK, tabs: ${tabs}, calls an hour: ${seen}`)
      await context.close()
    }
    return {
      title: 'SDK: calls an hour',
      how: `Chromium ${version}, cookie mode; every tab asks the SDK for a token ${asks_an_hour} times in an hour of the browser's clock, as before each call of Photos. Counted are requests for tokens that leave the browser.`,
      tables: [
        { head: ['tabs', 'calls of the broker', 'calls without the SDK, one an ask'], rows },
      ],
      meaning: [
        `A user with five tabs open costs you ${rows[1]?.[1]} requests an hour, one with a single tab ${rows[0]?.[1]}: a token is fetched once for all tabs, and renewed before it ends.`,
      ],
      budgets: [],
    }
  } finally {
    await stage.close()
  }
}

async function openTab(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  await page.waitForFunction('window.broker')
  return page
}

async function anHour(
  context: BrowserContext,
  pages: readonly Page[],
  address: string,
  asks: number,
): Promise<number> {
  let seen = 0
  context.on('request', (request) => {
    if (request.url() === address && request.method() === 'POST') seen++
  })
  const began_at = Date.now()
  for (let ask = 0; ask < asks; ask++) {
    await context.clock.setFixedTime(began_at + (ask * HOUR_SECONDS * 1000) / asks)
    const tokens = await Promise.all(pages.map((page) => page.evaluate(() => broker.token('pick'))))
    if (tokens.some((token) => !token.startsWith('ya29.'))) throw new Error('a tab got no token')
  }
  return seen
}
