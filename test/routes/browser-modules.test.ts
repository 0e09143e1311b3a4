/** Tests of the browser modules as the Worker serves them. */

import { describe, expect, it } from 'vitest'
import { broker, the } from '../support/broker.ts'
import { configure } from '../support/worker.ts'

const get = (path: string, init: RequestInit = {}): Promise<Response> =>
  broker(new Request(the.url + path, init))

describe.each(['/client.js', '/photos.js'])('%s', (path) => {
  it('can be loaded by pages of any origin, and has an ETag of its contents', async () => {
    const response = await get(path, { headers: { Origin: 'https://anybody.example' } })
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('export{')
    expect(response.headers.get('Content-Type')).toBe('text/javascript; charset=utf-8')
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(response.headers.get('Cross-Origin-Resource-Policy')).toBe('cross-origin')
    expect(response.headers.get('Cache-Control')).toMatch(/^public, max-age=\d+/)
    const etag = response.headers.get('ETag') ?? ''
    expect(etag).toMatch(/^(W\/)?"\w+"$/)
    const again = await get(path, { headers: { 'If-None-Match': etag } })
    expect([again.status, await again.text()]).toEqual([304, ''])
  })

  it('answers GET and HEAD only', async () => {
    const head = await get(path, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    for (const method of ['POST', 'DELETE', 'OPTIONS'])
      expect((await get(path, { method })).status).toBe(405)
  })

  it('answers 404 without the assets', async () => {
    configure({ ASSETS: undefined })
    expect((await get(path)).status).toBe(404)
    configure()
  })
})

it.each(['/types/client/index.d.ts', '/client.js/', '/index.html'])(
  '%s is no module',
  async (path) => {
    expect((await get(path)).status).toBe(404)
  },
)
