/** The pages that the documentation shows, as they stand and for this machine. */

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { ADA, answer, chooseAccount, pickPhotos } from './chromium.ts'
import { openPopup, type Stage } from './stage.ts'

const ROOT = new URL('../../../', import.meta.url)
const LIBRARY = fileURLToPath(import.meta.resolve('oauth4webapi'))

/** The page under a heading of a document. */
export async function readPage(document: string, heading: string): Promise<string> {
  const [, section] = (await readFile(new URL(document, ROOT), 'utf8')).split(`\n${heading}\n`)
  const block = /^```html\n(.*?)^```$/ms.exec(section ?? '')?.[1]
  if (block === undefined) throw new Error(`there is no page under "${heading}"`)
  return block
}

/** Replaces the addresses of the page, and serves the library of this machine in place of the CDN's. */
export async function onThisMachine(stage: Stage, block: string): Promise<string> {
  // The library accepts http only when its caller says so; the broker of the page has https.
  const enforcing = "if (enforceHttps && url.protocol !== 'https:')"
  const script = replaceOnce(await readFile(LIBRARY, 'utf8'), enforcing, 'if (false)')
  stage.serve('/own/oauth4webapi.js', 'text/javascript', script)
  const library = /https:\/\/cdn\.jsdelivr\.net\/[^']+/.exec(block)?.[0] ?? ''
  const replaced = [
    [library, '/own/oauth4webapi.js'],
    ['https://broker.example.com', stage.url],
    ['https://photospicker.googleapis.com', `${stage.simulator}/photospicker`],
    ["client_id: 'gallery'", "client_id: 'elsewhere'"],
  ] as const
  return replaced.reduce((text, [from, to]) => replaceOnce(text, from, to), block)
}

/** Replaces a text that has to be there exactly once. */
export function replaceOnce(text: string, from: string, to: string): string {
  if (text.split(from).length !== 2) throw new Error(`"${from}" is not there exactly once`)
  return text.replace(from, () => to)
}

/** Opens the page of README.md, served as a file at a port of its own, with the port of this broker. */
export async function openMine(
  stage: Stage,
  host: string,
  change = (html: string) => html,
): Promise<Page> {
  const html = await readPage('README.md', '## A page of your own')
  return openOnPort(stage, host, change(html.replaceAll('http://localhost:8787', stage.url)))
}

/** Opens a page at a port of its own. */
export async function openOnPort(stage: Stage, host: string, file: string): Promise<Page> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(file)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const page = await stage.chromium.newPage()
  page.once('close', () => server.close())
  await page.goto(`http://${host}:${(server.address() as AddressInfo).port}/my/photos.html?x=1`)
  return page
}

/** Opens a page on another site than the broker's. */
export async function openOwn(stage: Stage, html: string): Promise<Page> {
  stage.serve('/own', 'text/html', html)
  const page = await stage.chromium.newPage()
  await page.goto(`${stage.pageAt('oauth')}own`)
  return page
}

/** Connects, picks two photos, and waits until both are shown. */
export async function connectAndPick(page: Page, button: string): Promise<void> {
  const popup = await openPopup(page, 'Connect')
  await chooseAccount(popup, ADA)
  await answer(popup, 'Continue')
  await pickPhotos(await openPopup(page, button), 2)
  await page.waitForFunction(
    () => [...document.images].filter(({ naturalWidth }) => naturalWidth > 0).length === 2,
  )
}
