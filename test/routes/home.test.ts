/** Tests of `GET /`, and of plain http where the broker is at an https address. */

import { expect, it } from 'vitest'
import { broker, the } from '../support/broker.ts'
import { stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const HTML = { headers: { Accept: 'text/html' } }

it.each(['', '/photos-auth'])(
  'the page at %s/ says what runs here, with every bundle',
  async (path) => {
    configure({ BASE_URL: the.url + path })
    for (const url of [`${the.url}${path}`, `${the.url}${path}/`]) {
      const response = await broker(new Request(url, HTML))
      const text = await response.text()
      expect(response.status).toBe(200)
      for (const words of ['photos-token-broker', 'pick', 'Choose photos to show in this app'])
        expect(text).toContain(words)
      expect(text).not.toContain('<script')
    }
  },
)

it('the page of a broker that is not configured right does not say what is wrong', async () => {
  configure({ BASE_URL: the.url, CLIENTS: 'canary-of-the-configuration' })
  const response = await broker(new Request(`${the.url}/`, HTML))
  const text = await response.text()
  expect(response.status).toBe(503)
  expect(text).toContain('The broker is not configured right.')
  expect(text).not.toMatch(/CLIENTS|canary/)
})

it('HEAD / is answered', async () => {
  const response = await broker(new Request(`${the.url}/`, { method: 'HEAD' }))
  expect([response.status, await response.text()]).toEqual([200, ''])
})

const PLAIN = the.url.replace('https:', 'http:')

it('a navigation over plain http goes on over https', async () => {
  const url = `${PLAIN}/connect?bundle=pick&return_to=/app`
  const response = await broker(new Request(url, { ...HTML, redirect: 'manual' }))
  expect([response.status, response.headers.get('Location')]).toEqual([
    302,
    url.replace('http:', 'https:'),
  ])
})

it('any other call over plain http is refused with 421', async () => {
  const response = await broker(new Request(`${PLAIN}/bundles`))
  expect(response.status).toBe(421)
  expect(await response.json()).toMatchObject({ error: 'invalid_request' })
})
