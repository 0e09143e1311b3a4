/** This file is the README's static page on another site, run as it stands there: only its addresses are replaced. */

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADA, chooseAccount } from './support/chromium.ts'
import { type Demo, startDemo } from './support/demo.ts'

const README = new URL('../../README.md', import.meta.url)
const LIBRARY = fileURLToPath(import.meta.resolve('oauth4webapi'))
const PACKAGE = new URL('../../package.json', import.meta.url)

let demo: Demo

beforeAll(async () => {
  demo = await startDemo()
})

afterAll(() => demo?.close())

describe('the static page of the README', () => {
  it('is complete, short, and of the library version that is tested here', async () => {
    const block = await readBlock()
    const lines = block.trimEnd().split('\n')
    const { oauth4webapi } = JSON.parse(await readFile(PACKAGE, 'utf8')).dependencies
    expect(lines.length).toBeLessThan(25)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100)
    expect(block).toContain(`oauth4webapi@${oauth4webapi}/`)
  })

  it('connects, comes back with a token, and picks photos with it', async () => {
    const { page } = await demo.visit()
    await servePage(page, await readBlock())
    await page.goto(`${demo.run.elsewhere}/`)
    await page.getByRole('button', { name: 'Connect photos' }).click()
    await chooseAccount(page, ADA)
    await page.getByRole('button', { name: 'Continue' }).click()
    const choose = page.getByRole('link', { name: 'Choose photos' })
    await choose.waitFor()
    const kept = await page.evaluate(async () => [
      ...(await indexedDB.databases()),
      document.cookie,
    ])
    expect(kept).toEqual([''])
    await choose.click()
    await page.getByRole('checkbox').first().waitFor()
    expect(page.url()).toContain(`${demo.run.simulator}/picker/`)
    await demo.leave(page)
  })
})

/** The page of the README's section on it. */
async function readBlock(): Promise<string> {
  const readme = await readFile(README, 'utf8')
  const section = readme.split('### A static page on another site\n')[1]
  const block = /^```html\n(.*?)^```$/ms.exec(section ?? '')?.[1]
  if (block === undefined) throw new Error('README.md has no such page')
  return block
}

/** Puts the page where the other site has its own, and the library of this machine where the CDN has it. */
async function servePage(page: Page, block: string): Promise<void> {
  const { elsewhere, simulator, url } = demo.run
  const replaced = [
    ['https://broker.example.com', url],
    ['https://photospicker.googleapis.com', `${simulator}/photospicker`],
    ["client_id: 'gallery'", "client_id: 'elsewhere'"],
  ] as const
  const html = replaced.reduce((text, [from, to]) => replaceOnce(text, from, to), block)
  await intercept(page, {
    [`${elsewhere}/*`]: { type: 'text/html', body: html },
    'https://cdn.jsdelivr.net/*': { type: 'text/javascript', body: await readLibrary() },
  })
}

/** Playwright's own routes do not see where a redirect leads, which is what matters here. */
async function intercept(
  page: Page,
  answers: Record<string, { type: string; body: string }>,
): Promise<void> {
  const session = await page.context().newCDPSession(page)
  session.on('Fetch.requestPaused', ({ requestId, request }) => {
    const [, answer] =
      Object.entries(answers).find(([pattern]) => request.url.startsWith(pattern.slice(0, -1))) ??
      []
    void session.send('Fetch.fulfillRequest', {
      requestId,
      responseCode: 200,
      responseHeaders: [
        { name: 'Content-Type', value: answer?.type ?? '' },
        { name: 'Access-Control-Allow-Origin', value: '*' },
      ],
      body: Buffer.from(answer?.body ?? '').toString('base64'),
    })
  })
  const patterns = Object.keys(answers).map((urlPattern) => ({ urlPattern }))
  await session.send('Fetch.enable', { patterns })
}

/** The library, which takes http only when its caller says so; the README's broker has https. */
async function readLibrary(): Promise<string> {
  const text = await readFile(LIBRARY, 'utf8')
  return replaceOnce(text, "if (enforceHttps && url.protocol !== 'https:')", 'if (false)')
}

function replaceOnce(text: string, from: string, to: string): string {
  if (text.split(from).length !== 2) throw new Error(`"${from}" is not there exactly once`)
  return text.replace(from, () => to)
}
