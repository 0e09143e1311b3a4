/** This file is base URLs: names for the bytes of a media item that last an hour. */

import { randomName, type Simulation } from '../simulation.ts'
import type { MediaUrl, Owner } from './records.ts'

/** Google keeps a `baseUrl` alive for 60 minutes. */
const MEDIA_URL_SECONDS = 60 * 60

/** Makes a `baseUrl`; without a size behind it, it leads nowhere. */
export function mediaUrl(
  simulation: Simulation,
  owner: Owner,
  item: string,
  api: MediaUrl['api'],
): string {
  const { media_urls } = simulation.world
  const now = simulation.now()
  for (const [name, { expires_at }] of Object.entries(media_urls)) {
    if (now >= expires_at) delete media_urls[name]
  }
  const name = randomName()
  media_urls[name] = { ...owner, item, api, expires_at: now + MEDIA_URL_SECONDS }
  return `${simulation.origin}/media/${name}`
}

/** Finds what stands behind a `baseUrl` that is still alive. */
export function findMediaUrl({ world, now }: Simulation, name: string): MediaUrl | undefined {
  const found = Object.hasOwn(world.media_urls, name) ? world.media_urls[name] : undefined
  return found && now() < found.expires_at ? found : undefined
}
