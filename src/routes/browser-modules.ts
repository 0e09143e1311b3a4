/** `GET /client.js` and `GET /photos.js`: the browser modules, for pages of any origin. */

import { BrokerError } from '../errors.ts'
import type { BrokerContext } from './http/context.ts'
import { pickHeaders } from './http/headers.ts'

/** Browsers use a module for five minutes, and then revalidate it by its `ETag`, a hash of the contents. */
const CACHING = 'public, max-age=300, stale-while-revalidate=86400'

/** Serves a module. @throws {BrokerError} invalid_request, 404: the module was not built */
export async function browserModule(c: BrokerContext): Promise<Response> {
  if (!c.env.ASSETS) throw new BrokerError('assets_missing')
  const condition = pickHeaders(c.req.raw.headers, ['If-None-Match'])
  const { status, body, headers } = await c.env.ASSETS.fetch(
    new Request(new URL(c.req.path, c.req.url), { method: c.req.method, headers: condition }),
  )
  if (status !== 200 && status !== 304) throw new BrokerError('assets_missing')
  return new Response(body, {
    status,
    headers: {
      'Access-Control-Allow-Origin': '*',
      'Cache-Control': CACHING,
      'Content-Type': 'text/javascript; charset=utf-8',
      'Cross-Origin-Resource-Policy': 'cross-origin',
      ...pickHeaders(headers, ['ETag']),
    },
  })
}
