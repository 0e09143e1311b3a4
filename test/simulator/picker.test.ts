/** This file is the tests of the Picker API and of the bytes of what was picked. */

import { describe, expect, it } from 'vitest'
import type { Simulator } from '../../src/simulator/app.ts'
import { the } from './app.ts'
import { type Photos, PICKER, photosWith } from './photos.ts'

async function pickOn(
  simulator: Simulator,
  uri: string,
  photos: readonly string[],
): Promise<Response> {
  const body = new URLSearchParams(photos.map((id) => ['photo', id]))
  return simulator.fetch(new Request(uri, { method: 'POST', body }))
}

function boxesOf(page: string): string[] {
  return [...page.matchAll(/name="photo" value="([^"]+)"/g)].map(([, id = '']) => id)
}

/** Picks photos, by their place on the page. */
async function picked(places: readonly number[]): Promise<{
  photos: Photos
  id: string
  items: { id: string; mediaFile: { baseUrl: string } }[]
}> {
  const photos = await photosWith([the.pick])
  const { body: session } = await photos.call('POST', `${PICKER}/sessions`)
  const page = await (await photos.open(session.pickerUri)).text()
  const ids = boxesOf(page).filter((_, place) => places.includes(place))
  await pickOn(photos.simulator, session.pickerUri, ids)
  const { body } = await photos.call('GET', `${PICKER}/mediaItems?sessionId=${session.id}`)
  return { photos, id: session.id, items: body.mediaItems }
}

describe('a picker session', () => {
  it('goes from creation to the list of what was picked', async () => {
    const photos = await photosWith([the.pick])
    const { body: session } = await photos.call('POST', `${PICKER}/sessions`)
    expect(session).toMatchObject({
      pickerUri: expect.stringMatching(/^https:\/\/google\.example\/picker\//),
      pollingConfig: { pollInterval: '5s', timeoutIn: '1800s' },
      expireTime: expect.any(String),
      mediaItemsSet: false,
    })
    const list = `${PICKER}/mediaItems?sessionId=${session.id}`
    expect((await photos.call('GET', list)).body.error.status).toBe('FAILED_PRECONDITION')

    const page = await (await photos.open(session.pickerUri)).text()
    const ids = boxesOf(page)
    expect(ids).toHaveLength(12)
    expect((await pickOn(photos.simulator, session.pickerUri, ids)).status).toBe(303)

    const path = `${PICKER}/sessions/${session.id}`
    const { body: after } = await photos.call('GET', path)
    expect(after.mediaItemsSet).toBe(true)
    expect(after).not.toHaveProperty('pollingConfig')

    const { body: first } = await photos.call('GET', `${list}&pageSize=10`)
    const { body: second } = await photos.call(
      'GET',
      `${list}&pageSize=10&pageToken=${encodeURIComponent(first.nextPageToken)}`,
    )
    expect([...first.mediaItems, ...second.mediaItems].map(({ id }) => id)).toEqual(ids)
    expect(second).not.toHaveProperty('nextPageToken')
    expect(first.mediaItems[0]).toMatchObject({
      createTime: expect.any(String),
      type: 'PHOTO',
      mediaFile: { mimeType: 'image/png', mediaFileMetadata: { width: 1600, height: 1200 } },
    })
    expect(second.mediaItems[1]).toMatchObject({
      type: 'VIDEO',
      mediaFile: { mimeType: 'video/mp4' },
    })

    expect(await photos.call('DELETE', path)).toMatchObject({ status: 200, body: {} })
    expect((await photos.call('GET', path)).status).toBe(404)
  })

  it('takes no more than was allowed', async () => {
    const photos = await photosWith([the.pick])
    const pickingConfig = { maxItemCount: '1' }
    const { body: session } = await photos.call('POST', `${PICKER}/sessions`, { pickingConfig })
    const ids = boxesOf(await (await photos.open(session.pickerUri)).text())
    const response = await pickOn(photos.simulator, session.pickerUri, ids.slice(0, 2))
    expect(response.status).toBe(400)
    expect(await response.text()).toContain('Choose at most 1.')
    expect((await pickOn(photos.simulator, session.pickerUri, ids.slice(0, 1))).status).toBe(303)
  })

  it('closes its window only with /autoclose', async () => {
    const photos = await photosWith([the.pick])
    const { body: session } = await photos.call('POST', `${PICKER}/sessions`)
    const uri = `${session.pickerUri}/autoclose`
    await pickOn(photos.simulator, uri, [])
    expect(await (await photos.open(uri)).text()).toContain('/autoclose.js')
    expect(await (await photos.open(session.pickerUri)).text()).not.toContain('/autoclose.js')
  })

  it('is not another account’s, and is over after a day', async () => {
    const photos = await photosWith([the.pick])
    const { simulator } = photos
    const { body: session } = await photos.call('POST', `${PICKER}/sessions`)
    const ben = await photosWith([the.pick], { simulator, account: 'ben.okafor@example.com' })
    expect((await ben.call('GET', `${PICKER}/sessions/${session.id}`)).status).toBe(404)
    simulator.world.settings.clock_ahead_seconds = 24 * 60 * 60
    expect((await photos.open(session.pickerUri)).status).toBe(404)
  })
})

describe('the bytes of a picked photo', () => {
  it('are an image of the size asked for', async () => {
    const { photos, items } = await picked([0])
    const response = await photos.open(`${items[0]?.mediaFile.baseUrl}=w320-h320`)
    expect(response.status).toBe(200)
    expect(response.headers.get('Content-Type')).toBe('image/png')
    expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull()
    const view = new DataView(await response.arrayBuffer())
    expect([view.getUint32(16), view.getUint32(20)]).toEqual([320, 240])
  })

  it('of a video are an MP4 with =dv, and a picture without', async () => {
    const { photos, items } = await picked([11])
    const url = items[0]?.mediaFile.baseUrl
    const video = await photos.open(`${url}=dv`)
    expect(video.headers.get('Content-Type')).toBe('video/mp4')
    expect(new TextDecoder().decode(await video.arrayBuffer()).slice(4, 8)).toBe('ftyp')
    expect((await photos.open(`${url}=w100-h100`)).headers.get('Content-Type')).toBe('image/png')
  })

  it('come in ranges', async () => {
    const { photos, items } = await picked([11])
    const url = `${items[0]?.mediaFile.baseUrl}=dv`
    const whole = new Uint8Array(await (await photos.open(url)).arrayBuffer())
    const bearer = { Authorization: `Bearer ${photos.access_token}` }
    for (const { range, start, end } of [
      { range: 'bytes=0-9', start: 0, end: 10 },
      { range: 'bytes=100-', start: 100, end: whole.length },
      { range: 'bytes=-7', start: whole.length - 7, end: whole.length },
    ]) {
      const part = await photos.open(url, { ...bearer, Range: range })
      expect(part.status).toBe(206)
      expect(part.headers.get('Content-Range')).toBe(`bytes ${start}-${end - 1}/${whole.length}`)
      expect(new Uint8Array(await part.arrayBuffer())).toEqual(whole.slice(start, end))
    }
    const beyond = await photos.open(url, { ...bearer, Range: `bytes=${whole.length}-` })
    expect(beyond.status).toBe(416)
    const { headers } = await photos.open(url)
    const same = { ...bearer, 'If-None-Match': headers.get('ETag') ?? '' }
    expect((await photos.open(url, same)).status).toBe(304)
  })

  it.each([
    { given: 'no size', suffix: '', status: 400 },
    { given: 'a size nobody knows', suffix: '=large', status: 400 },
    { given: 'a video where there is none', suffix: '=dv', status: 404 },
    { given: 'no token', suffix: '=d', headers: {}, status: 401 },
    {
      given: 'a dead token',
      suffix: '=d',
      headers: { Authorization: 'Bearer ya29.dead' },
      status: 401,
    },
  ])('do not come with $given', async ({ suffix, headers, status }) => {
    const { photos, items } = await picked([0])
    const response = await photos.open(`${items[0]?.mediaFile.baseUrl}${suffix}`, headers)
    expect(response.status).toBe(status)
  })

  it('come neither to another account nor after an hour', async () => {
    const { photos, items } = await picked([0])
    const { simulator } = photos
    const url = `${items[0]?.mediaFile.baseUrl}=w10-h10`
    const ben = await photosWith([the.pick], { simulator, account: 'ben.okafor@example.com' })
    expect((await ben.open(url)).status).toBe(403)
    const append = await photosWith([the.append], { simulator })
    expect((await append.open(url)).status).toBe(403)
    simulator.world.settings.clock_ahead_seconds = 60 * 60
    const later = await photosWith([the.pick], { simulator })
    expect((await later.open(url)).status).toBe(403)
  })
})
