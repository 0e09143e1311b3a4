/** The media items of the Library API: an app sees only those that it created. */

import * as v from 'valibot'
import { randomName, type Simulation } from '../simulation.ts'
import { apiError, pageOf } from './answers.ts'
import { readBody } from './body.ts'
import { type ApiCall, findAlbum, findItem, ownItem } from './call.ts'
import { mediaUrl } from './media-url.ts'
import type { MediaItem, Upload } from './records.ts'
import { sniff } from './sniff.ts'

const LIMITS = { usual: 25, most: 100 }

const newMediaItem = v.object({
  description: v.optional(v.pipe(v.string(), v.maxLength(1000)), ''),
  simpleMediaItem: v.object({
    uploadToken: v.string(),
    fileName: v.optional(v.pipe(v.string(), v.maxLength(255))),
  }),
})

const newMediaItems = v.object({
  albumId: v.optional(v.string()),
  newMediaItems: v.pipe(v.array(newMediaItem), v.minLength(1), v.maxLength(50)),
})

/** `mediaItems.batchCreate`: answers 200, or 207 if an item could not be created. */
export async function batchCreate(call: ApiCall): Promise<Response> {
  const { albumId, newMediaItems: wanted } = await readBody(call.c, newMediaItems)
  const album = albumId === undefined ? undefined : findAlbum(call, albumId)
  const results = wanted.map((item) => {
    const { uploadToken } = item.simpleMediaItem
    const created = createItem(call, item)
    if (!created) {
      const message = 'Failed: There was an error while trying to create this media item.'
      return { uploadToken, status: { code: 3, message } }
    }
    if (album && !album.media_items.includes(created.id)) album.media_items.push(created.id)
    return {
      uploadToken,
      status: { message: 'Success' },
      mediaItem: describeItem(call.simulation, created.id, created.item, false),
    }
  })
  const isWhole = results.every((result) => 'mediaItem' in result)
  return call.c.json({ newMediaItemResults: results }, isWhole ? 200 : (207 as 200))
}

/** `mediaItems.list` */
export function list(call: ApiCall): object {
  const { pageSize, pageToken } = call.c.req.query()
  return describePage(call, itemIds(call), { pageSize, pageToken })
}

/** `mediaItems.get` */
export function get(call: ApiCall): object {
  return describeItem(call.simulation, call.id, findItem(call, call.id), true)
}

/** `mediaItems.batchGet` */
export function batchGet(call: ApiCall): object {
  const ids = call.c.req.queries('mediaItemIds') ?? []
  if (ids.length < 1 || ids.length > 50)
    throw apiError('INVALID_ARGUMENT', 'Between 1 and 50 mediaItemIds are needed.')
  return {
    mediaItemResults: ids.map((id) => {
      const item = ownItem(call, id)
      return item
        ? { mediaItem: describeItem(call.simulation, id, item, true) }
        : { status: { code: 3, message: 'Invalid media item ID.' } }
    }),
  }
}

const query = v.object({
  albumId: v.optional(v.string()),
  pageSize: v.optional(v.number()),
  pageToken: v.optional(v.string()),
  filters: v.optional(v.looseObject({})),
})

/** `mediaItems.search`: by album, or all. Filters are accepted and ignored. */
export async function search(call: ApiCall): Promise<object> {
  const { albumId, filters, ...page } = await readBody(call.c, query)
  if (albumId !== undefined && filters !== undefined)
    throw apiError('INVALID_ARGUMENT', 'albumId and filters cannot be combined.')
  const ids = albumId === undefined ? itemIds(call) : findAlbum(call, albumId).media_items
  return describePage(call, ids, page)
}

/** `mediaItems.patch`: only the description can change. */
export async function patch(call: ApiCall): Promise<object> {
  const { simulation, id, c } = call
  const item = findItem(call, id)
  if (c.req.query('updateMask') !== 'description')
    throw apiError('INVALID_ARGUMENT', 'updateMask must be description.')
  const schema = v.object({ description: v.pipe(v.string(), v.maxLength(1000)) })
  item.description = (await readBody(c, schema)).description
  return describeItem(simulation, id, item, true)
}

/** Creates an item. An upload token that was used makes no second one: Google does not say, and merges equal bytes. */
function createItem(
  { simulation, owner }: ApiCall,
  { description, simpleMediaItem }: v.InferOutput<typeof newMediaItem>,
): { id: string; item: MediaItem } | undefined {
  const { world, bytes, now } = simulation
  const { uploadToken: token, fileName } = simpleMediaItem
  const upload = Object.hasOwn(world.uploads, token) ? world.uploads[token] : undefined
  const before = upload?.item_id === undefined ? undefined : world.media_items[upload.item_id]
  if (upload?.item_id !== undefined && before && isOf(upload, owner))
    return { id: upload.item_id, item: before }
  const content = bytes.get(token)
  if (!upload || !content || !isOf(upload, owner) || now() >= upload.expires_at) return undefined
  const found = sniff(content, upload.mime_type)
  if (!found) return undefined
  const id = randomName('AF')
  const filename = fileName ?? `upload.${found.mime_type.split('/')[1]}`
  const item: MediaItem = { ...owner, ...found, filename, description, created_at: now() }
  world.media_items[id] = item
  bytes.put(id, content)
  bytes.delete(token)
  upload.item_id = id
  return { id, item }
}

function isOf(upload: Upload, { sub, client_id }: ApiCall['owner']): boolean {
  return upload.sub === sub && upload.client_id === client_id
}

/** Lists the items of this app and account, the newest first. */
function itemIds(call: ApiCall): string[] {
  const ids = Object.keys(call.simulation.world.media_items)
  return ids.filter((id) => ownItem(call, id)).reverse()
}

function describePage(
  call: ApiCall,
  ids: readonly string[],
  asked: { pageSize?: number | string | undefined; pageToken?: string | undefined },
): object {
  const { items, nextPageToken } = pageOf(ids, asked, LIMITS)
  return {
    mediaItems: items.map((id) => describeItem(call.simulation, id, findItem(call, id), true)),
    ...(nextPageToken === undefined ? {} : { nextPageToken }),
  }
}

/** Describes an item. After a creation it has no `baseUrl`, since an app may have the scope to add but not to read. */
function describeItem(
  simulation: Simulation,
  id: string,
  item: MediaItem,
  withUrl: boolean,
): object {
  const { mime_type, filename, width, height, description, created_at } = item
  return {
    id,
    ...(description === '' ? {} : { description }),
    productUrl: `${simulation.origin}/photos/${id}`,
    ...(withUrl ? { baseUrl: mediaUrl(simulation, item, id, 'library') } : {}),
    mimeType: mime_type,
    filename,
    mediaMetadata: {
      creationTime: new Date(created_at * 1000).toISOString(),
      width: String(width),
      height: String(height),
      ...(mime_type.startsWith('video/') ? { video: { status: 'READY' } } : { photo: {} }),
    },
  }
}
