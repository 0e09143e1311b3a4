/** This file is one call of an API, and what of its account an app may see: its own items and albums. */

import type { Context } from 'hono'
import type { Simulation } from '../simulation.ts'
import { apiError } from './answers.ts'
import type { Album, MediaItem, Owner } from './records.ts'

/** A call that may be served: its token is live and allows the method. */
export interface ApiCall {
  simulation: Simulation
  c: Context
  owner: Owner
  /** The `{id}` in the path. */
  id: string
}

/** Finds a media item of this app and account. */
export function ownItem({ simulation, owner }: ApiCall, id: string): MediaItem | undefined {
  return own(simulation.world.media_items, owner, id)
}

/** Finds an album of this app and account. */
export function ownAlbum({ simulation, owner }: ApiCall, id: string): Album | undefined {
  return own(simulation.world.albums, owner, id)
}

/**
 * Finds a media item that has to be there.
 *
 * @throws NOT_FOUND
 */
export function findItem(call: ApiCall, id: string): MediaItem {
  return ownItem(call, id) ?? notFound()
}

/**
 * Finds an album that has to be there.
 *
 * @throws NOT_FOUND
 */
export function findAlbum(call: ApiCall, id: string): Album {
  return ownAlbum(call, id) ?? notFound()
}

/** Ends a call for something that is not there, or somebody else's. */
export function notFound(): never {
  throw apiError('NOT_FOUND', 'Requested entity was not found.')
}

function own<One extends Owner>(
  all: Record<string, One>,
  { client_id, sub }: Owner,
  id: string,
): One | undefined {
  const one = Object.hasOwn(all, id) ? all[id] : undefined
  return one?.client_id === client_id && one.sub === sub ? one : undefined
}
