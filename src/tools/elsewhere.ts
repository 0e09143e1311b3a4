/** This file is the demo on another site: its pages, and their files. */

import { readdirSync } from 'node:fs'
import { onOtherSite } from '../demo/sites.ts'
import type { SitePlan } from './site-server.ts'

const DEMO = new URL('../demo/', import.meta.url)

/** Folder of the page's modules and styles, at the same path on both sites. */
const FOLDER = 'demo/'

/** Plans the site, for a broker and whoever that trusts. */
export function planElsewhere(of: { port: number; broker: string; issuer: string }): SitePlan {
  const { port, broker, issuer } = of
  const origin = elsewhereAt(port)
  const site = onOtherSite({ broker, elsewhere: origin, issuer })
  return {
    name: 'other site',
    port,
    health: '/',
    origin,
    site,
    pages: new Map([
      ['/', new URL('page.html', DEMO)],
      ['/library/', new URL('library.html', DEMO)],
    ]),
    files: listFiles(),
  }
}

/** To a browser, this and `localhost` are two sites; https://html.spec.whatwg.org/#sites. */
export function elsewhereAt(port: number): string {
  return `http://127.0.0.1:${port}`
}

function listFiles(): Map<string, URL> {
  const folder = new URL(`public/${FOLDER}`, DEMO)
  const files = readdirSync(folder).map((name): [string, URL] => [
    `/${FOLDER}${name}`,
    new URL(name, folder),
  ])
  return new Map([...files, ['/oauth4webapi.js', new URL(import.meta.resolve('oauth4webapi'))]])
}
