/** The pages that README.md and src/routes/oauth/README.md show, run word for word; only addresses are replaced. */

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ADA, answer, chooseAccount, pickPhotos } from './support/chromium.ts'
import { type Stage, startStage } from './support/sdk.ts'

const README = new URL('../../README.md', import.meta.url)
const OAUTH_README = new URL('../../src/routes/oauth/README.md', import.meta.url)
const LIBRARY = fileURLToPath(import.meta.resolve('oauth4webapi'))
const PACKAGE = new URL('../../package.json', import.meta.url)

let stage: Stage

beforeAll(async () => {
  const mine = await readBlock(README, 'A page of your own')
  stage = await startStage({
    'mine.html': (simulator) => replaceOnce(mine, 'http://localhost:8788', simulator),
  })
})

afterAll(async () => stage?.close())

it('the page of your own connects, and shows the photos that were picked', async () => {
  const page = await stage.chromium.newPage()
  await page.goto(`${stage.url}/demo/mine`)
  const [popup] = await Promise.all([
    page.waitForEvent('popup'),
    page.getByRole('button', { name: 'Connect' }).click(),
  ])
  await chooseAccount(popup, ADA)
  await answer(popup, 'Continue')
  const [picker] = await Promise.all([
    page.waitForEvent('popup'),
    page.getByRole('button', { name: 'Pick photos' }).click(),
  ])
  await pickPhotos(picker, 2)
  await page.waitForFunction(
    () => [...document.images].filter(({ naturalWidth }) => naturalWidth > 0).length === 2,
  )
  await page.context().close()
})

describe('the static page without the SDK', () => {
  it('is complete, short, and of the library version that is tested here', async () => {
    const block = await readBlock(OAUTH_README, 'A static page on another site')
    const lines = block.trimEnd().split('\n')
    const { oauth4webapi } = JSON.parse(await readFile(PACKAGE, 'utf8')).devDependencies
    expect(lines.length).toBeLessThan(25)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100)
    expect(block).toContain(`oauth4webapi@${oauth4webapi}/`)
  })

  it('connects, comes back with a token, and picks photos with it', async () => {
    await serve(await readBlock(OAUTH_README, 'A static page on another site'))
    const page = await stage.chromium.newPage()
    await page.goto(`${stage.pageAt('oauth')}own`)
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
    expect(page.url()).toContain(`${stage.simulator}/picker/`)
    await page.context().close()
  })
})

/** The page under a heading of a document. */
async function readBlock(document: URL, heading: string): Promise<string> {
  const [, section] = (await readFile(document, 'utf8')).split(`\n## ${heading}\n`)
  const block = /^```html\n(.*?)^```$/ms.exec(section ?? '')?.[1]
  if (block === undefined) throw new Error(`there is no page under "${heading}"`)
  return block
}

/** Puts the page on another site, with the library of this machine where the CDN has it. */
async function serve(block: string): Promise<void> {
  const library = /https:\/\/cdn\.jsdelivr\.net\/[^']+/.exec(block)?.[0] ?? ''
  const replaced = [
    [library, '/own/oauth4webapi.js'],
    ['https://broker.example.com', stage.url],
    ['https://photospicker.googleapis.com', `${stage.simulator}/photospicker`],
    ["client_id: 'gallery'", "client_id: 'elsewhere'"],
  ] as const
  const html = replaced.reduce((text, [from, to]) => replaceOnce(text, from, to), block)
  stage.serve('/own', 'text/html', html)
  stage.serve('/own/oauth4webapi.js', 'text/javascript', await readLibrary())
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
