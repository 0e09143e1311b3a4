/** Tests of the Photos APIs: the scopes of each method, a picker session with its bytes, and an upload. */

import { describe, expect, it } from 'vitest'
import { google, the } from './app.ts'
import { LIBRARY, PICKER, PNG, photosWith } from './photos.ts'

const { pick, append, read, edit } = the

/** Google's table of methods, written here again so that it is not the simulator's own. */
it.each<[string, readonly string[]]>([
  [`POST ${PICKER}/sessions`, [pick]],
  [`GET ${PICKER}/sessions/1`, [pick]],
  [`DELETE ${PICKER}/sessions/1`, [pick]],
  [`GET ${PICKER}/mediaItems?sessionId=1`, [pick]],
  [`POST ${LIBRARY}/uploads`, [append]],
  [`POST ${LIBRARY}/mediaItems:batchCreate`, [append]],
  [`POST ${LIBRARY}/albums`, [append]],
  [`POST ${LIBRARY}/albums/1:addEnrichment`, [append, edit]],
  [`POST ${LIBRARY}/albums/1:batchAddMediaItems`, [append, edit]],
  [`POST ${LIBRARY}/albums/1:batchRemoveMediaItems`, [edit]],
  [`GET ${LIBRARY}/albums`, [read]],
  [`GET ${LIBRARY}/albums/1`, [read]],
  [`GET ${LIBRARY}/mediaItems`, [read]],
  [`GET ${LIBRARY}/mediaItems/1`, [read]],
  [`GET ${LIBRARY}/mediaItems:batchGet?mediaItemIds=1`, [read]],
  [`POST ${LIBRARY}/mediaItems:search`, [read]],
  [`PATCH ${LIBRARY}/albums/1`, [edit]],
  [`PATCH ${LIBRARY}/mediaItems/1`, [edit]],
  [`POST ${LIBRARY}/albums/1:share`, []],
  [`GET ${LIBRARY}/sharedAlbums`, []],
])('%s needs one of its scopes, and a live token', async (call, scopes) => {
  const simulator = google()
  const [method = '', path = ''] = call.split(' ')
  for (const scope of [pick, append, read, edit]) {
    const { status, body } = await (await photosWith([scope], { simulator })).call(method, path)
    if (scopes.includes(scope)) expect([401, 403]).not.toContain(status)
    else if (call.endsWith('/uploads')) {
      expect(status).toBe(401)
      expect(body.error).toEqual({ code: 16, message: 'Authentication session is not defined.' })
    } else
      expect(body.error).toMatchObject({
        ...{ code: 403, status: 'PERMISSION_DENIED' },
        details: [{ reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT' }],
      })
  }
  const headers = { Authorization: 'Bearer ya29.unknown' }
  const dead = await simulator.fetch(new Request(the.origin + path, { method, headers }))
  expect(dead.status).toBe(401)
})

it('allows pages of any origin to call the APIs', async () => {
  const headers = { Origin: 'https://app.example', 'Access-Control-Request-Headers': 'a,b' }
  const preflight = new Request(the.origin + LIBRARY, { method: 'OPTIONS', headers })
  const response = await google().fetch(preflight)
  expect(response.status).toBe(204)
  expect(response.headers.get('Access-Control-Allow-Headers')).toBe('a,b')
})

it('a picker session lists what was picked, and its bytes need the token of the user', async () => {
  const photos = await photosWith([pick])
  const { simulator } = photos
  const { body: session } = await photos.call('POST', `${PICKER}/sessions`)
  const list = `${PICKER}/mediaItems?sessionId=${session.id}`
  expect((await photos.call('GET', list)).body.error.status).toBe('FAILED_PRECONDITION')

  const page = await (await photos.open(session.pickerUri)).text()
  const ids = [...page.matchAll(/name="photo" value="([^"]+)"/g)].map(([, id = '']) => id)
  expect(ids).toHaveLength(12)
  const body = new URLSearchParams(ids.map((id) => ['photo', id]))
  await simulator.fetch(new Request(session.pickerUri, { method: 'POST', body }))

  const first = (await photos.call('GET', `${list}&pageSize=10`)).body
  const next = `${list}&pageSize=10&pageToken=${encodeURIComponent(first.nextPageToken)}`
  const second = (await photos.call('GET', next)).body
  expect([...first.mediaItems, ...second.mediaItems].map(({ id }) => id)).toEqual(ids)

  const { baseUrl } = first.mediaItems[0].mediaFile
  const image = await photos.open(`${baseUrl}=w320-h320`)
  const view = new DataView(await image.arrayBuffer())
  expect([view.getUint32(16), view.getUint32(20)]).toEqual([320, 240])
  expect(image.headers.get('Access-Control-Allow-Origin')).toBeNull()
  expect((await photos.open(baseUrl)).status).toBe(400)
  expect((await photos.open(`${baseUrl}=dv`)).status).toBe(404)
  expect((await photos.open(`${baseUrl}=d`, {})).status).toBe(401)
  const ben = await photosWith([pick], { simulator, account: 'ben.okafor@example.com' })
  expect((await ben.open(`${baseUrl}=d`)).status).toBe(403)
  expect((await ben.call('GET', `${PICKER}/sessions/${session.id}`)).status).toBe(404)
  simulator.world.settings.clock_ahead_seconds = 60 * 60
  const later = await photosWith([pick], { simulator })
  expect((await later.open(`${baseUrl}=d`)).status).toBe(403)
})

describe('a picker session', () => {
  it('lives for a week', async () => {
    const { simulator, call } = await photosWith([pick])
    const { body } = await call('POST', `${PICKER}/sessions`)
    const week = 7 * 24 * 60 * 60
    expect(Date.parse(body.expireTime) / 1000 - Date.now() / 1000).toBeCloseTo(week, -1)
    simulator.world.settings.clock_ahead_seconds = week
    const later = await photosWith([pick], { simulator })
    expect((await later.call('GET', `${PICKER}/sessions/${body.id}`)).status).toBe(404)
  })

  it('says for how long to ask, and 0s when it is over', async () => {
    const { simulator, call } = await photosWith([pick])
    const { body } = await call('POST', `${PICKER}/sessions`)
    const timeoutIn = async (): Promise<string> =>
      (await call('GET', `${PICKER}/sessions/${body.id}`)).body.pollingConfig.timeoutIn
    expect(body.pollingConfig.timeoutIn).toBe('1800s')
    simulator.world.settings.clock_ahead_seconds = 600
    expect(await timeoutIn()).toBe('1200s')
    simulator.world.settings.clock_ahead_seconds = 1801
    expect(await timeoutIn()).toBe('0s')
  })
})

it('only a video that is READY has a film, which is behind a redirect and ignores Range', async () => {
  const photos = await photosWith([pick])
  const { mediaItems } = await photos.pickAll()
  const [ready, waiting] = mediaItems.filter(({ type }) => type === 'VIDEO')
  const status = (item: typeof ready): string =>
    item.mediaFile.mediaFileMetadata.videoMetadata.processingStatus
  expect([status(ready), status(waiting)]).toEqual(['READY', 'PROCESSING'])
  expect((await photos.open(`${waiting.mediaFile.baseUrl}=dv`)).status).toBe(404)
  const redirect = await photos.open(`${ready.mediaFile.baseUrl}=dv`)
  expect(redirect.status).toBe(302)
  const { Authorization = '' } = photos.headers
  const headers = { Authorization, Range: 'bytes=0-9' }
  const url = new URL(redirect.headers.get('Location') ?? '', the.origin).href
  const film = await photos.open(url, headers)
  expect([film.status, film.headers.get('Content-Type')]).toEqual([200, 'video/mp4'])
  expect(film.headers.get('Accept-Ranges')).toBeNull()
  expect((await film.arrayBuffer()).byteLength).toBeGreaterThan(1000)
  expect((await photos.open(url, {})).status).toBe(401)
})

it('the download of a photo has Exif data, its pictures have none', async () => {
  const photos = await photosWith([pick])
  const [item] = (await photos.pickAll()).mediaItems
  const { baseUrl, mediaFileMetadata } = item.mediaFile
  const text = async (size: string): Promise<string> =>
    new TextDecoder('latin1').decode(await (await photos.open(`${baseUrl}=${size}`)).arrayBuffer())
  expect(mediaFileMetadata).toMatchObject({ cameraMake: expect.any(String) })
  expect(await text('d')).toMatch(new RegExp(`eXIfII.*${mediaFileMetadata.cameraMake}`, 's'))
  expect(await text('w320-h320')).not.toContain('eXIf')
})

it.each([
  ['UNAUTHENTICATED', 401, 'UNAUTHENTICATED', undefined],
  ['FAILED_PRECONDITION', 400, 'FAILED_PRECONDITION', undefined],
  ['RESOURCE_EXHAUSTED', 429, 'RESOURCE_EXHAUSTED', 'RATE_LIMIT_EXCEEDED'],
  ['SERVICE_DISABLED', 403, 'PERMISSION_DENIED', 'SERVICE_DISABLED'],
  ['UNAVAILABLE', 503, 'UNAVAILABLE', undefined],
] as const)('the fault %s answers as Google does', async (api_error, code, status, reason) => {
  const { simulator, call } = await photosWith([pick])
  simulator.faults.add({ at: 'api:picker.sessions.create', do: { api_error, retry_after: 9 } })
  const answer = await call('POST', `${PICKER}/sessions`)
  expect(answer.status).toBe(code)
  expect(answer.body.error).toMatchObject({ code, status, message: expect.any(String) })
  expect(answer.body.error.details?.[0].reason).toBe(reason)
  expect(answer.headers.get('Retry-After')).toBe('9')
  expect((await call('POST', `${PICKER}/sessions`)).status).toBe(200)
})

it('an upload becomes an item of an album, for this account only', async () => {
  const photos = await photosWith([append, read])
  const { body: album } = await photos.call('POST', `${LIBRARY}/albums`, {
    album: { title: 'Sea' },
  })
  const good = await photos.upload(PNG)
  const bad = await photos.upload(new TextEncoder().encode('hello'), 'text/plain')
  const newMediaItems = [good, bad].map((uploadToken) => ({ simpleMediaItem: { uploadToken } }))
  const json = { albumId: album.id, newMediaItems }
  const created = await photos.call('POST', `${LIBRARY}/mediaItems:batchCreate`, json)
  expect(created.status).toBe(207)
  expect(created.body.newMediaItemResults).toMatchObject([
    { uploadToken: good, status: { message: 'Success' } },
    { uploadToken: bad, status: { code: 3 } },
  ])
  const again = await photos.call('POST', `${LIBRARY}/mediaItems:batchCreate`, json)
  expect(again.body.newMediaItemResults[0]).toMatchObject({
    mediaItem: { id: created.body.newMediaItemResults[0].mediaItem.id }, // no second one
  })

  const search = { albumId: album.id }
  const { body } = await photos.call('POST', `${LIBRARY}/mediaItems:search`, search)
  const [item] = body.mediaItems
  expect(item).toMatchObject({ mimeType: 'image/png', mediaMetadata: { width: '2', height: '3' } })
  const response = await photos.open(`${item.baseUrl}=d`, {})
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(PNG)
  const { simulator } = photos
  const ben = await photosWith([read], { simulator, account: 'ben.okafor@example.com' })
  expect((await ben.call('GET', `${LIBRARY}/mediaItems/${item.id}`)).status).toBe(404)
})
