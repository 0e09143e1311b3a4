/** A call of an API, and the items and albums that it may see: those of its own app and account. */

import type { Context } from 'hono'
import type { Simulation } from '../simulation.ts'
import { apiError } from './answers.ts'
import type { Album, MediaItem, Owner } from './records.ts'

/** A call with a live token whose scopes allow the method. */
export interface ApiCall {
  simulation: Simulation
  c: Context
  owner: Owner
  /** The `{id}` in the path. */
  id: string
}

/** Finds a media item of this app and account; `undefined` if there is none. */
export function ownItem({ simulation, owner }: ApiCall, id: string): MediaItem | undefined {
  return own(simulation.world.media_items, owner, id)
}

/** Finds an album of this app and account; `undefined` if there is none. */
export function ownAlbum({ simulation, owner }: ApiCall, id: string): Album | undefined {
  return own(simulation.world.albums, owner, id)
}

/** Finds a media item of this app and account. @throws {HTTPException} NOT_FOUND */
export function findItem(call: ApiCall, id: string): MediaItem {
  return ownItem(call, id) ?? notFound()
}

/** Finds an album of this app and account. @throws {HTTPException} NOT_FOUND */
export function findAlbum(call: ApiCall, id: string): Album {
  return ownAlbum(call, id) ?? notFound()
}

/** Ends a call with NOT_FOUND: the thing does not exist, or belongs to another app or account. */
export function notFound(): never {
  throw apiError('NOT_FOUND')
}

function own<Item extends Owner>(
  items: Record<string, Item>,
  { client_id, sub }: Owner,
  id: string,
): Item | undefined {
  const item = Object.hasOwn(items, id) ? items[id] : undefined
  return item?.client_id === client_id && item.sub === sub ? item : undefined
}
