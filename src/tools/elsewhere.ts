/** This file is the demo page on another site: its files, and what it has to know. */

import { readdirSync } from 'node:fs'
import { apiOrigins, googleOf } from '../demo/google.ts'
import type { SitePlan } from './site-server.ts'

const DEMO = new URL('../demo/', import.meta.url)

/** Folders of the page's modules and styles; the second is shared with the demo page of the broker. */
const FOLDERS = ['elsewhere/', 'public/demo/']

/** Plans the site, for a broker and whoever that trusts. */
export function planElsewhere(site: { port: number; broker: string; issuer: string }): SitePlan {
  const { port, broker, issuer } = site
  const google = googleOf(issuer)
  return {
    name: 'other site',
    port,
    health: '/',
    origin: elsewhereAt(port),
    page: {
      template: new URL('elsewhere/index.html', DEMO),
      values: { ...google, broker, origin: elsewhereAt(port) },
      reached: [broker, ...apiOrigins(google)],
    },
    files: listFiles(),
  }
}

/** To a browser, this and `localhost` are two sites; https://html.spec.whatwg.org/#sites. */
export function elsewhereAt(port: number): string {
  return `http://127.0.0.1:${port}`
}

/** Paths are those below `src/demo`, so that an import means the same to a browser and to the compiler. */
function listFiles(): Map<string, URL> {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(new URL(folder, DEMO)).map((name): [string, URL] => [
      `/${folder}${name}`,
      new URL(folder + name, DEMO),
    ]),
  )
  return new Map([...files, ['/oauth4webapi.js', new URL(import.meta.resolve('oauth4webapi'))]])
}
