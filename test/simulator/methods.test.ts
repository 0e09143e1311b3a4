/** This file is the tests of which scope allows which method, and of CORS. */

import { describe, expect, it } from 'vitest'
import { google, the } from './app.ts'
import { LIBRARY, PICKER, photosWith } from './photos.ts'

const { pick, append, read, edit } = the
const ALL = [pick, append, read, edit]
const DENIED = {
  error: {
    code: 403,
    message: 'Request had insufficient authentication scopes.',
    status: 'PERMISSION_DENIED',
  },
}

/** Google's table once more, written down for this test alone. */
const METHODS: readonly { call: string; scopes: readonly string[] }[] = [
  { call: `POST ${PICKER}/sessions`, scopes: [pick] },
  { call: `GET ${PICKER}/sessions/1`, scopes: [pick] },
  { call: `DELETE ${PICKER}/sessions/1`, scopes: [pick] },
  { call: `GET ${PICKER}/mediaItems?sessionId=1`, scopes: [pick] },
  { call: `POST ${LIBRARY}/uploads`, scopes: [append] },
  { call: `POST ${LIBRARY}/mediaItems:batchCreate`, scopes: [append] },
  { call: `POST ${LIBRARY}/albums`, scopes: [append] },
  { call: `POST ${LIBRARY}/albums/1:addEnrichment`, scopes: [append, edit] },
  { call: `POST ${LIBRARY}/albums/1:batchAddMediaItems`, scopes: [append, edit] },
  { call: `POST ${LIBRARY}/albums/1:batchRemoveMediaItems`, scopes: [edit] },
  { call: `GET ${LIBRARY}/albums`, scopes: [read] },
  { call: `GET ${LIBRARY}/albums/1`, scopes: [read] },
  { call: `GET ${LIBRARY}/mediaItems`, scopes: [read] },
  { call: `GET ${LIBRARY}/mediaItems/1`, scopes: [read] },
  { call: `GET ${LIBRARY}/mediaItems:batchGet?mediaItemIds=1`, scopes: [read] },
  { call: `POST ${LIBRARY}/mediaItems:search`, scopes: [read] },
  { call: `PATCH ${LIBRARY}/albums/1`, scopes: [edit] },
  { call: `PATCH ${LIBRARY}/mediaItems/1`, scopes: [edit] },
  { call: `POST ${LIBRARY}/albums/1:share`, scopes: [] },
  { call: `POST ${LIBRARY}/albums/1:unshare`, scopes: [] },
  { call: `GET ${LIBRARY}/sharedAlbums`, scopes: [] },
  { call: `GET ${LIBRARY}/sharedAlbums/1`, scopes: [] },
  { call: `POST ${LIBRARY}/sharedAlbums:join`, scopes: [] },
  { call: `POST ${LIBRARY}/sharedAlbums:leave`, scopes: [] },
]

describe('the scope of a token', () => {
  it.each(METHODS)('decides about $call', async ({ call, scopes }) => {
    const simulator = google()
    const [method = '', path = ''] = call.split(' ')
    for (const scope of ALL) {
      const { status, body } = await (await photosWith([scope], { simulator })).call(method, path)
      if (scopes.includes(scope)) expect(status).not.toBe(403)
      else expect({ status, body }).toEqual({ status: 403, body: DENIED })
    }
  })

  it.each(METHODS)('is missing in a dead token at $call', async ({ call }) => {
    const [method = '', path = ''] = call.split(' ')
    const headers = { Authorization: 'Bearer ya29.dead' }
    const response = await google().fetch(new Request(the.origin + path, { method, headers }))
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ error: { code: 401, status: 'UNAUTHENTICATED' } })
  })
})

describe('a page of any origin', () => {
  it('may call the APIs', async () => {
    const preflight = await google().fetch(
      new Request(`${the.origin}${LIBRARY}/albums`, {
        method: 'OPTIONS',
        headers: {
          Origin: 'https://app.example',
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': 'authorization,content-type',
        },
      }),
    )
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('Access-Control-Allow-Headers')).toBe('authorization,content-type')
    const { headers } = await (await photosWith([pick])).call('POST', `${PICKER}/sessions`)
    expect(headers.get('Access-Control-Allow-Origin')).toBe('*')
  })

  it('may read their errors, also those of faults', async () => {
    const photos = await photosWith([pick])
    photos.simulator.faults.add({ at: 'api', do: { status: 503 } })
    const { status, headers } = await photos.call('GET', `${LIBRARY}/albums`)
    expect(status).toBe(503)
    expect(headers.get('Access-Control-Allow-Origin')).toBe('*')
  })

  it('finds nothing where there is no method', async () => {
    const { status, body } = await (await photosWith(ALL)).call('GET', `${LIBRARY}/nothing`)
    expect(status).toBe(404)
    expect(body).toMatchObject({ error: { status: 'NOT_FOUND' } })
  })
})
