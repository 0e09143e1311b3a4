/** A static site in development: pages and a fixed list of files, on loopback, in this process. */

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { toDocument } from '../demo/document.ts'
import type { Site } from '../demo/sites.ts'
import { type DevServer, type Plan, writeLog } from './dev-server.ts'

/** A static site to run. */
export interface SitePlan extends Plan {
  /** Its only origin; other names of this machine redirect to it. */
  origin: string
  /** The addresses for its pages. */
  site: Site
  /** The templates of its pages, by path. */
  pages: ReadonlyMap<string, URL>
  /** Its scripts and styles, by path; no file name is ever built from a request. */
  files: ReadonlyMap<string, URL>
}

/** Starts a site. */
export function startSite(plan: SitePlan): DevServer {
  const { name, port } = plan
  const server = createServer((request, response) => {
    answer(plan, request, response).catch((error: unknown) => {
      writeLog(name, error)
      response.destroy()
    })
  })
  const ended = once(server, 'close').then(
    () => undefined,
    (error: unknown) => writeLog(name, error),
  )
  server.listen(port, '127.0.0.1')
  return {
    name,
    ended,
    async stop() {
      server.close()
      server.closeAllConnections()
      await ended
    },
  }
}

/** Reads a file for each request, so that a change shows on a reload. */
async function answer(
  { origin, site, pages, files }: SitePlan,
  { method = '', headers: { host }, url = '' }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const send = (status: number, headers: Record<string, string>, body?: string | Buffer): void => {
    const always = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' }
    response.writeHead(status, { ...always, ...headers }).end(body)
  }
  if (!['GET', 'HEAD'].includes(method)) return send(405, { Allow: 'GET, HEAD' })
  if (host !== new URL(origin).host) return send(302, { Location: `${origin}/` })
  const [path = ''] = url.split('?', 1)
  const page = pages.get(path)
  if (page) {
    const { html, headers } = toDocument(await readFile(page, 'utf8'), site)
    return send(200, headers, html)
  }
  const file = files.get(path)
  if (!file) return send(404, {})
  const type = path.endsWith('.css') ? 'text/css' : 'text/javascript'
  send(200, { 'Content-Type': `${type}; charset=utf-8` }, await readFile(file))
}
