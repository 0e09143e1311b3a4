/** The albums of the Library API: an app sees only the albums and items that it created. */

import * as v from 'valibot'
import { randomName, type Simulation } from '../simulation.ts'
import { apiError, pageOf } from './answers.ts'
import { mediaItemIds, readBody } from './body.ts'
import { type ApiCall, findAlbum, ownAlbum, ownItem } from './call.ts'
import { mediaUrl } from './media-url.ts'
import type { Album } from './records.ts'

const title = v.pipe(v.string(), v.nonEmpty(), v.maxLength(500))

/** `albums.create` */
export async function create({ simulation, c, owner }: ApiCall): Promise<object> {
  const { album } = await readBody(c, v.object({ album: v.object({ title }) }))
  const id = randomName('AL')
  const created: Album = { ...owner, title: album.title, media_items: [], enrichments: [] }
  simulation.world.albums[id] = created
  return describe(simulation, id, created)
}

/** `albums.list` */
export function list(call: ApiCall): object {
  const { simulation, c } = call
  const { pageSize, pageToken } = c.req.query()
  const ids = Object.keys(simulation.world.albums).filter((id) => ownAlbum(call, id))
  const page = pageOf(ids, { pageSize, pageToken }, { usual: 20, most: 50 })
  return {
    albums: page.items.map((id) => describe(simulation, id, findAlbum(call, id))),
    ...(page.nextPageToken === undefined ? {} : { nextPageToken: page.nextPageToken }),
  }
}

/** `albums.get` */
export function get(call: ApiCall): object {
  return describe(call.simulation, call.id, findAlbum(call, call.id))
}

/** `albums.patch`: title and cover, as `updateMask` says. */
export async function patch(call: ApiCall): Promise<object> {
  const { simulation, c, id } = call
  const album = findAlbum(call, id)
  const schema = v.object({
    title: v.optional(title),
    coverPhotoMediaItemId: v.optional(v.string()),
  })
  const change = await readBody(c, schema)
  const mask = (c.req.query('updateMask') ?? '').split(',')
  const unknown = mask.find((name) => name !== 'title' && name !== 'coverPhotoMediaItemId')
  if (unknown !== undefined) throw apiError('INVALID_ARGUMENT', `updateMask: ${unknown}`)
  const { coverPhotoMediaItemId: cover } = change
  if (mask.includes('coverPhotoMediaItemId')) {
    if (cover === undefined || !album.media_items.includes(cover))
      throw apiError('INVALID_ARGUMENT', 'The cover must be an item of the album.')
    album.cover = cover
  }
  if (mask.includes('title')) album.title = change.title ?? album.title
  return describe(simulation, id, album)
}

const enrichment = v.object({
  newEnrichmentItem: v.union([
    v.object({ textEnrichment: v.object({ text: v.pipe(v.string(), v.maxLength(1000)) }) }),
    v.object({ locationEnrichment: v.looseObject({}) }),
    v.object({ mapEnrichment: v.looseObject({}) }),
  ]),
})

/** `albums.addEnrichment` */
export async function addEnrichment(call: ApiCall): Promise<object> {
  await readBody(call.c, enrichment)
  const id = randomName('EN')
  findAlbum(call, call.id).enrichments.push(id)
  return { enrichmentItem: { id } }
}

/** `albums.batchAddMediaItems` */
export async function batchAddMediaItems(call: ApiCall): Promise<object> {
  const album = findAlbum(call, call.id)
  const ids = (await readBody(call.c, v.object({ mediaItemIds }))).mediaItemIds
  if (!ids.every((id) => ownItem(call, id)))
    throw apiError('INVALID_ARGUMENT', 'Request contains an invalid media item id.')
  album.media_items = [...new Set([...album.media_items, ...ids])]
  return {}
}

/** `albums.batchRemoveMediaItems` */
export async function batchRemoveMediaItems(call: ApiCall): Promise<object> {
  const album = findAlbum(call, call.id)
  const ids = (await readBody(call.c, v.object({ mediaItemIds }))).mediaItemIds
  if (!ids.every((id) => album.media_items.includes(id)))
    throw apiError('INVALID_ARGUMENT', 'Request contains an invalid media item id.')
  album.media_items = album.media_items.filter((id) => !ids.includes(id))
  return {}
}

function describe(simulation: Simulation, id: string, album: Album): object {
  const cover = album.cover ?? album.media_items[0]
  return {
    id,
    title: album.title,
    productUrl: `${simulation.origin}/photos/${id}`,
    isWriteable: true,
    mediaItemsCount: String(album.media_items.length),
    ...(cover === undefined
      ? {}
      : {
          coverPhotoBaseUrl: mediaUrl(simulation, album, cover, 'library'),
          coverPhotoMediaItemId: cover,
        }),
  }
}
