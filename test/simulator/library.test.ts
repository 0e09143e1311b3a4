/** This file is the tests of the Library API: uploads, media items, albums. */

import { describe, expect, it } from 'vitest'
import { the } from './app.ts'
import { LIBRARY, type Photos, PNG, photosWith } from './photos.ts'

const ALL = [the.append, the.read, the.edit]

async function createItems(photos: Photos, count: number, albumId?: string): Promise<string[]> {
  const newMediaItems = []
  for (let index = 0; index < count; index++) {
    const uploadToken = await photos.upload(PNG)
    newMediaItems.push({ simpleMediaItem: { uploadToken, fileName: `${index}.png` } })
  }
  const path = `${LIBRARY}/mediaItems:batchCreate`
  const { body } = await photos.call('POST', path, { albumId, newMediaItems })
  return body.newMediaItemResults.map((one: { mediaItem: { id: string } }) => one.mediaItem.id)
}

async function createAlbum(photos: Photos, title = 'Summer'): Promise<string> {
  return (await photos.call('POST', `${LIBRARY}/albums`, { album: { title } })).body.id
}

describe('an upload', () => {
  it('becomes a media item whose bytes come back', async () => {
    const photos = await photosWith(ALL)
    const [id] = await createItems(photos, 1)
    const { body } = await photos.call('GET', `${LIBRARY}/mediaItems/${id}`)
    expect(body).toMatchObject({
      filename: '0.png',
      mimeType: 'image/png',
      mediaMetadata: { width: '2', height: '3' },
    })
    const response = await photos.open(`${body.baseUrl}=d`, {})
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(PNG)
  })

  it('needs the raw protocol and bytes', async () => {
    const photos = await photosWith(ALL)
    expect((await photos.call('POST', `${LIBRARY}/uploads`, {})).status).toBe(400)
    expect(await photos.upload(new Uint8Array())).toContain('INVALID_ARGUMENT')
  })

  it.each([
    { given: 'a token that was used', bytes: PNG, again: true },
    { given: 'bytes that are no image', bytes: new TextEncoder().encode('hello'), again: false },
  ])('with $given fails alone, among others that succeed', async ({ bytes, again }) => {
    const photos = await photosWith(ALL)
    const bad = await photos.upload(bytes, 'text/plain')
    const path = `${LIBRARY}/mediaItems:batchCreate`
    const item = (uploadToken: string): object => ({ simpleMediaItem: { uploadToken } })
    if (again) await photos.call('POST', path, { newMediaItems: [item(bad)] })
    const good = await photos.upload(PNG)
    const newMediaItems = [item(bad), item(good)]
    const { status, body } = await photos.call('POST', path, { newMediaItems })
    expect(status).toBe(207)
    expect(body.newMediaItemResults).toMatchObject([
      { uploadToken: bad, status: { code: 3 } },
      { uploadToken: good, status: { message: 'Success' }, mediaItem: {} },
    ])
  })

  it('is one of at most fifty', async () => {
    const photos = await photosWith(ALL)
    const newMediaItems = Array.from({ length: 51 }, () => ({
      simpleMediaItem: { uploadToken: 'x' },
    }))
    const path = `${LIBRARY}/mediaItems:batchCreate`
    expect((await photos.call('POST', path, { newMediaItems })).body.error).toMatchObject({
      code: 400,
      status: 'INVALID_ARGUMENT',
    })
  })
})

describe('media items', () => {
  it('are listed page by page, newest first', async () => {
    const photos = await photosWith(ALL)
    const ids = (await createItems(photos, 3)).reverse()
    const first = (await photos.call('GET', `${LIBRARY}/mediaItems?pageSize=2`)).body
    const next = `${LIBRARY}/mediaItems?pageSize=2&pageToken=${encodeURIComponent(first.nextPageToken)}`
    const second = (await photos.call('GET', next)).body
    expect([...first.mediaItems, ...second.mediaItems].map(({ id }) => id)).toEqual(ids)
    expect((await photos.call('GET', `${LIBRARY}/mediaItems?pageToken=x`)).status).toBe(400)
  })

  it('are had by their ids, in order', async () => {
    const photos = await photosWith(ALL)
    const [id] = await createItems(photos, 1)
    const path = `${LIBRARY}/mediaItems:batchGet?mediaItemIds=nothing&mediaItemIds=${id}`
    const { body } = await photos.call('GET', path)
    expect(body.mediaItemResults).toMatchObject([{ status: { code: 3 } }, { mediaItem: { id } }])
  })

  it('get a description', async () => {
    const photos = await photosWith(ALL)
    const [id] = await createItems(photos, 1)
    const path = `${LIBRARY}/mediaItems/${id}?updateMask=description`
    const { body } = await photos.call('PATCH', path, { description: 'At the lake' })
    expect(body).toMatchObject({ id, description: 'At the lake' })
  })

  it('are seen neither by another account nor in its list', async () => {
    const photos = await photosWith(ALL)
    const [id] = await createItems(photos, 1)
    const { simulator } = photos
    const ben = await photosWith(ALL, { simulator, account: 'ben.okafor@example.com' })
    expect((await ben.call('GET', `${LIBRARY}/mediaItems/${id}`)).status).toBe(404)
    expect((await ben.call('GET', `${LIBRARY}/mediaItems`)).body).toEqual({ mediaItems: [] })
  })
})

describe('albums', () => {
  it('are created, filled, searched and emptied', async () => {
    const photos = await photosWith(ALL)
    const id = await createAlbum(photos)
    const [inside = ''] = await createItems(photos, 1, id)
    const [added = ''] = await createItems(photos, 1)
    const album = `${LIBRARY}/albums/${id}`
    const mediaItemIds = [added]
    expect(
      await photos.call('POST', `${album}:batchAddMediaItems`, { mediaItemIds }),
    ).toMatchObject({
      status: 200,
    })
    const search = { albumId: id }
    const found = await photos.call('POST', `${LIBRARY}/mediaItems:search`, search)
    expect(found.body.mediaItems.map((one: { id: string }) => one.id)).toEqual([inside, added])
    expect((await photos.call('GET', album)).body).toMatchObject({ mediaItemsCount: '2' })
    await photos.call('POST', `${album}:batchRemoveMediaItems`, { mediaItemIds: [inside] })
    expect((await photos.call('GET', `${LIBRARY}/albums`)).body.albums).toMatchObject([
      { id, title: 'Summer', mediaItemsCount: '1', isWriteable: true },
    ])
  })

  it('get a title, a cover and a text', async () => {
    const photos = await photosWith(ALL)
    const id = await createAlbum(photos)
    const [cover] = await createItems(photos, 1, id)
    const path = `${LIBRARY}/albums/${id}`
    const change = { title: 'Autumn', coverPhotoMediaItemId: cover }
    const mask = '?updateMask=title,coverPhotoMediaItemId'
    expect((await photos.call('PATCH', path + mask, change)).body).toMatchObject(change)
    const newEnrichmentItem = { textEnrichment: { text: 'Leaves' } }
    const { body } = await photos.call('POST', `${path}:addEnrichment`, { newEnrichmentItem })
    expect(body).toMatchObject({ enrichmentItem: { id: expect.any(String) } })
  })

  it.each([
    { given: 'no title', path: '/albums', json: { album: {} } },
    { given: 'no body', path: '/albums', json: undefined },
    {
      given: 'filters beside an album',
      path: '/mediaItems:search',
      json: { albumId: 'x', filters: {} },
    },
  ])('refuse $given', async ({ path, json }) => {
    const photos = await photosWith(ALL)
    const { body } = await photos.call('POST', LIBRARY + path, json)
    expect(body.error).toMatchObject({ code: 400, status: 'INVALID_ARGUMENT' })
  })

  it('take only items that are there', async () => {
    const photos = await photosWith(ALL)
    const id = await createAlbum(photos)
    const path = `${LIBRARY}/albums/${id}:batchAddMediaItems`
    expect((await photos.call('POST', path, { mediaItemIds: ['x'] })).status).toBe(400)
  })
})
