/** What is made of uploaded bytes: an album to put them in, and their media items. */

import { BrokerError } from '../index.ts'
import { errorOf, PhotosError } from './photos-error.ts'
import { type Api, request } from './request.ts'

/** An album of this app. */
export interface Album {
  id: string
  title?: string
  productUrl?: string
}

/** The result for one file: with `mediaItem` it is in the library, with `error` it is not. */
export interface UploadResult {
  file: File
  /** Google's token for the uploaded bytes, valid for a day. */
  uploadToken?: string
  /** Whether Google may have made an item of that token already: an answer was lost. */
  mayBeThere?: boolean
  /** The item in the library. */
  mediaItem?: { id: string; productUrl?: string; filename?: string }
  /** The album that the file is in, or will be. */
  album?: Album
  /** Why the file is not in the library. Pass the result to `uploadPhotos` to try again. */
  error?: BrokerError | PhotosError
}

interface NewItems {
  newMediaItemResults?: NewItemResult[]
}

interface NewItemResult {
  uploadToken: string
  status?: { code?: number; message?: string }
  mediaItem?: NonNullable<UploadResult['mediaItem']>
}

/** Waits out failures that pass. */
type Wait = <T>(work: () => Promise<T>) => Promise<T>

/**
 * The album of an earlier call, the one with that id, or a new one. After a lost answer it is not created again: there
 * would be two.
 */
export async function albumOf(
  api: Api,
  results: readonly UploadResult[],
  album: { id: string } | { title: string } | undefined,
  wait: Wait,
): Promise<Album | undefined> {
  const known = results.find((result) => result.album)?.album
  if (known || !album) return known
  if ('id' in album) return { id: album.id }
  return wait(() =>
    request<Album>(api, 'POST', '/albums', { album }).catch((error) => {
      throw isLost(error)
        ? new PhotosError(0, 'ALBUM_UNKNOWN', { description: String(error) })
        : error
    }),
  )
}

/**
 * Creates the media items of one batch; Google answers for each. What fails for a while is sent again with the same upload
 * tokens, of which Google makes one item each.
 */
export async function createItems(
  api: Api,
  batch: readonly UploadResult[],
  album: Album | undefined,
  wait: Wait,
): Promise<void> {
  await wait(async () => {
    const open = batch.filter(({ mediaItem, uploadToken }) => uploadToken && !mediaItem)
    const newMediaItems = open.map(({ file, uploadToken }) => ({
      simpleMediaItem: { uploadToken, fileName: file.name },
    }))
    const json = { ...(album ? { albumId: album.id } : {}), newMediaItems }
    const { newMediaItemResults = [] } = await request<NewItems>(
      api,
      'POST',
      '/mediaItems:batchCreate',
      json,
    ).catch((error) => {
      const isUnknown = isLost(error) || (error instanceof PhotosError && error.http >= 500)
      if (isUnknown) for (const result of open) result.mayBeThere = true
      throw error
    })
    for (const result of open) {
      const answer = newMediaItemResults.find(
        ({ uploadToken }) => uploadToken === result.uploadToken,
      )
      if (answer?.mediaItem) {
        result.mediaItem = answer.mediaItem
        delete result.error
        continue
      }
      const { code = 13, message } = answer?.status ?? {}
      const isUsedUp = result.mayBeThere && code === 3
      result.error = isUsedUp
        ? new PhotosError(200, 'UNKNOWN_OUTCOME', { description: message })
        : errorOf(200, { error: { code, message } })
      if (!result.error.isPassing && !isUsedUp) delete result.uploadToken // it is of no use any more
    }
    const errors = open.map(({ error }) => error)
    const passing = errors.find((error) => error instanceof PhotosError && error.isPassing)
    if (passing) throw passing
  })
}

/** Whether Google may have done what was asked: its answer did not come. */
function isLost(error: unknown): boolean {
  if (error instanceof PhotosError) return error.http === 0
  return !(error instanceof BrokerError) || error.code === 'temporarily_unavailable'
}
