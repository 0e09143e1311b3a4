/** The pages that the documentation shows, as they stand and for this machine. */

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Stage } from './stage.ts'

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
