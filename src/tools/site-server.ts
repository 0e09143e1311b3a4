/** A static site in development: pages and a fixed list of files, on loopback, in this process. */

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { extname } from 'node:path'
import { toDocument } from '../demo/document.ts'
import type { Site } from '../demo/sites.ts'
import type { DevServer, Plan } from './dev-server.ts'

/** A static site to run. */
export interface SitePlan extends Plan {
  /** Its only origin; other names of this machine redirect to it. */
  origin: string
  /** The addresses for its pages. */
  site: Site
  /** The templates of its pages, by path. */
  pages: ReadonlyMap<string, URL>
  /** All other files, by path; no file name is ever built from a request. */
  files: ReadonlyMap<string, URL>
}

/** An answer before it is sent. */
interface Answer {
  status: number
  headers: Record<string, string>
  body: string | Buffer
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
}

/** Starts a site. */
export function startSite(plan: SitePlan): DevServer {
  const { name, port } = plan
  const log = (error: unknown) => void process.stderr.write(`${name} | ${String(error)}\n`)
  const server = createServer((request, response) => {
    serve(plan, request, response).catch((error: unknown) => {
      log(error)
      response.destroy()
    })
  })
  const ended = once(server, 'close').then(() => undefined, log)
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

async function serve(
  plan: SitePlan,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { status, headers, body } = await answerTo(plan, request)
  response.writeHead(status, headers).end(request.method === 'HEAD' ? undefined : body)
}

async function answerTo(
  plan: SitePlan,
  { method, headers, url }: IncomingMessage,
): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return plain(405, { Allow: 'GET, HEAD' })
  if (headers.host !== new URL(plan.origin).host) return plain(302, { Location: `${plan.origin}/` })
  const path = url?.split('?', 1)[0] ?? ''
  const page = plan.pages.get(path)
  if (page) return renderPage(page, plan.site)
  const file = plan.files.get(path)
  const type = TYPES[extname(path)]
  if (!file || !type) return plain(404, {})
  return { ...plain(200, { 'Content-Type': type }), body: await readFile(file) }
}

/** Reads the template for each request, so that a change shows on a reload. */
async function renderPage(template: URL, site: Site): Promise<Answer> {
  const { html, headers } = toDocument(await readFile(template, 'utf8'), site)
  return { status: 200, headers, body: html }
}

function plain(status: number, headers: Record<string, string>): Answer {
  return {
    status,
    headers: { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff', ...headers },
    body: '',
  }
}
