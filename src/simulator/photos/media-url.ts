/** Base URLs: addresses of media bytes that are valid for an hour. */

import { randomName, type Simulation } from '../simulation.ts'
import type { MediaUrl, Owner } from './records.ts'

/** How long a `baseUrl` is valid, in seconds. */
const MEDIA_URL_SECONDS = 60 * 60

/**
 * Makes a `baseUrl`. It works only with a size at its end. An item that has one already gets that one again, for another
 * hour: lists that are read again and again would make ever more of them.
 */
export function mediaUrl(
  simulation: Simulation,
  owner: Owner,
  item: string,
  api: MediaUrl['api'],
): string {
  const { media_urls } = simulation.world
  const now = simulation.now()
  let name = randomName()
  for (const [known, { expires_at, ...url }] of Object.entries(media_urls)) {
    if (now >= expires_at) delete media_urls[known]
    else if (url.item === item && url.api === api && isOf(url, owner)) name = known
  }
  media_urls[name] = { ...owner, item, api, expires_at: now + MEDIA_URL_SECONDS }
  return `${simulation.origin}/media/${name}`
}

function isOf(url: Owner, { client_id, sub }: Owner): boolean {
  return url.client_id === client_id && url.sub === sub
}

/** Finds the record of a `baseUrl` that is still valid. */
export function findMediaUrl({ world, now }: Simulation, name: string): MediaUrl | undefined {
  const found = Object.hasOwn(world.media_urls, name) ? world.media_urls[name] : undefined
  return found && now() < found.expires_at ? found : undefined
}
