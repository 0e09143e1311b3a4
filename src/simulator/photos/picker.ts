/** The Picker API: sessions in which a user picks photos, and the picked items. */

import * as v from 'valibot'
import { randomName, type Simulation } from '../simulation.ts'
import { apiError, pageOf } from './answers.ts'
import { readBody } from './body.ts'
import { type ApiCall, notFound } from './call.ts'
import { mediaUrl } from './media-url.ts'
import { findPicture, type Picture } from './pictures.ts'
import type { PickerSession } from './records.ts'

/** How long a session is valid, in seconds. */
const SESSION_SECONDS = 7 * 24 * 60 * 60

/** How long an app asks whether the user has picked, in seconds; `timeoutIn` is what is left of it. */
const POLL_FOR_SECONDS = 30 * 60

/** The most items of a session. */
const MAX_ITEMS = 2000

/** An int64, which is text in Google's JSON. */
const count = v.pipe(v.union([v.string(), v.number()]), v.toNumber(), v.integer(), v.minValue(1))

const newSession = v.object({
  pickingConfig: v.optional(
    v.object({ maxItemCount: v.optional(v.pipe(count, v.maxValue(MAX_ITEMS))) }),
  ),
})

/** `sessions.create` */
export async function createSession({ simulation, c, owner }: ApiCall): Promise<object> {
  const { pickingConfig } = await readBody(c, newSession)
  const now = simulation.now()
  const id = randomName()
  const session: PickerSession = {
    ...owner,
    created_at: now,
    expires_at: now + SESSION_SECONDS,
    max_item_count: pickingConfig?.maxItemCount ?? MAX_ITEMS,
  }
  simulation.world.picker_sessions[id] = session
  return describe(simulation, id, session)
}

/** `sessions.get` */
export function getSession({ simulation, owner, id }: ApiCall): object {
  const session = findSession(simulation, id)
  if (session?.sub !== owner.sub || session.client_id !== owner.client_id) notFound()
  return describe(simulation, id, session)
}

/** `sessions.delete` */
export function deleteSession(call: ApiCall): object {
  getSession(call)
  delete call.simulation.world.picker_sessions[call.id]
  return {}
}

/** `mediaItems.list` */
export function listPicked(call: ApiCall): object {
  const { simulation, c, owner } = call
  const { sessionId: id = '', pageSize, pageToken } = c.req.query()
  if (id === '') throw apiError('INVALID_ARGUMENT', 'sessionId is missing.')
  getSession({ ...call, id })
  const picked = findSession(simulation, id)?.picked
  if (!picked)
    throw apiError('FAILED_PRECONDITION', 'The user has not finished picking media items.')
  const { items, nextPageToken } = pageOf(picked, { pageSize, pageToken }, { usual: 50, most: 100 })
  return {
    mediaItems: items
      .map((item) => findPicture(owner.sub, item))
      .filter((picture) => picture !== undefined)
      .map((picture) => ({
        id: picture.id,
        createTime: picture.create_time,
        type: picture.type,
        mediaFile: mediaFile(call, picture),
      })),
    ...(nextPageToken === undefined ? {} : { nextPageToken }),
  }
}

/** Finds a session that has not expired. */
export function findSession({ world, now }: Simulation, id: string): PickerSession | undefined {
  const { picker_sessions: sessions } = world
  const session = Object.hasOwn(sessions, id) ? sessions[id] : undefined
  return session && now() < session.expires_at ? session : undefined
}

function describe(simulation: Simulation, id: string, session: PickerSession): object {
  const isDone = session.picked !== undefined
  const { poll_interval_seconds } = simulation.world.settings
  const left = Math.round(session.created_at + POLL_FOR_SECONDS - simulation.now())
  const pollingConfig = {
    pollInterval: `${poll_interval_seconds}s`,
    timeoutIn: `${Math.max(0, left)}s`,
  }
  return {
    id,
    pickerUri: `${simulation.origin}/picker/${id}`,
    ...(isDone ? {} : { pollingConfig }),
    pickingConfig: { maxItemCount: String(session.max_item_count) },
    expireTime: new Date(session.expires_at * 1000).toISOString(),
    mediaItemsSet: isDone,
  }
}

function mediaFile({ simulation, owner }: ApiCall, picture: Picture): object {
  const { id, mime_type, filename, width, height, camera, status } = picture
  return {
    baseUrl: mediaUrl(simulation, owner, id, 'picker'),
    mimeType: mime_type,
    filename,
    mediaFileMetadata: {
      width,
      height,
      cameraMake: camera.make,
      cameraModel: camera.model,
      ...(status === undefined
        ? { photoMetadata: { focalLength: 4.2, apertureFNumber: 1.8, isoEquivalent: 50 } }
        : { videoMetadata: { fps: 10, processingStatus: status } }),
    },
  }
}
