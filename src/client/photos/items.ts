/** The items that the user picked: their addresses, bytes and camera data. */

import { BrokerError } from '../index.ts'
import { type BytesOptions, readBytes } from './bytes.ts'
import { PhotosError } from './photos-error.ts'
import type { Api } from './request.ts'

/** Options of `src`. */
export interface SourceOptions {
  /** The largest width and height in pixels; the proportions stay. Default: 512 each. */
  width?: number
  height?: number
  /**
   * Google's download of the item instead of a picture of that size: `=d`, a photo in full size with its Exif data except
   * the place, or `=dv`, a transcoded film of a video. Neither is the file as it was taken. Default: `false`.
   */
  original?: boolean
}

/** What the camera recorded; what it did not is absent. */
export interface Camera {
  readonly make?: string
  readonly model?: string
  /** In millimeters. */
  readonly focalLength?: number
  readonly apertureFNumber?: number
  readonly isoEquivalent?: number
  /** A duration such as `0.02s`. */
  readonly exposureTime?: string
  /** Pictures a second, of a video. */
  readonly fps?: number
}

/** A photo or video that the user picked. */
export interface PickedItem {
  /** Google's id of the item. */
  readonly id: string
  readonly type: 'PHOTO' | 'VIDEO'
  readonly mimeType: string
  readonly filename: string
  /** When it was taken; RFC 3339. */
  readonly createTime: string
  /** In pixels; 0 if Google does not say. */
  readonly width: number
  readonly height: number
  readonly camera: Camera
  /** Of a video: only with `READY` there is a film. */
  readonly processingStatus?: 'UNSPECIFIED' | 'PROCESSING' | 'READY' | 'FAILED'
  /**
   * Gets an address for `<img>` or `<video>`, valid for 15 minutes. Call it within an hour after the pick.
   * @throws {BrokerError} what `broker.media` throws
   */
  src(options?: SourceOptions): Promise<string>
  /**
   * Gets the bytes of Google's download; waits while Google or the broker ask to, for two minutes at most.
   * @throws {PhotosError} `FILM_PROCESSING` or `FILM_FAILED`: there is no film (yet); `NOT_FOUND`: the hour is over
   * @throws {BrokerError} what `src` throws; the reason of `signal`
   */
  blob(options?: BytesOptions): Promise<Blob>
  /** Gets the same bytes as a `File` with the item's name, for a form or an upload. @throws what `blob` throws */
  file(options?: BytesOptions): Promise<File>
}

/** An item of the Picker API; https://developers.google.com/photos/picker/reference/rest/v1/mediaItems. */
export interface ApiItem {
  id: string
  type: PickedItem['type']
  createTime: string
  mediaFile: {
    baseUrl: string
    mimeType: string
    filename: string
    mediaFileMetadata?: {
      width?: number
      height?: number
      cameraMake?: string
      cameraModel?: string
      photoMetadata?: object
      videoMetadata?: { fps?: number; processingStatus?: PickedItem['processingStatus'] }
    }
  }
}

const DEFAULT_SIZE_PX = 512
/** The most addresses that the broker makes in one request. */
const MAX_URLS = 100

/** Makes an item. @param source gets an address of the media relay */
export function toItem(
  { id, type, createTime, mediaFile }: ApiItem,
  source: (url: string) => Promise<string>,
): PickedItem {
  const { baseUrl, mimeType, filename, mediaFileMetadata = {} } = mediaFile
  const { width = 0, height = 0, cameraMake, cameraModel, ...more } = mediaFileMetadata
  const { processingStatus, ...film } = more.videoMetadata ?? {}
  const camera = {
    ...(cameraMake ? { make: cameraMake } : {}),
    ...(cameraModel ? { model: cameraModel } : {}),
    ...more.photoMetadata,
    ...film,
  }
  const item: PickedItem = {
    ...{ id, type, createTime, mimeType, filename, width, height, camera },
    ...(processingStatus ? { processingStatus } : {}),
    src({ width = DEFAULT_SIZE_PX, height = DEFAULT_SIZE_PX, original = false } = {}) {
      const download = type === 'VIDEO' ? 'dv' : 'd'
      return source(`${baseUrl}=${original ? download : `w${width}-h${height}`}`)
    },
    async blob(options) {
      if (processingStatus === 'PROCESSING' || processingStatus === 'FAILED')
        throw new PhotosError(0, `FILM_${processingStatus}`)
      return readBytes(() => item.src({ original: true }), options)
    },
    async file(options) {
      const blob = await item.blob(options)
      return new File([blob], filename, { type: blob.type, lastModified: Date.parse(createTime) })
    },
  }
  return item
}

/** Gets addresses of the media relay; those asked for in the same task go out in one request. */
export function createSources({ broker, bundle }: Api): (url: string) => Promise<string> {
  const waiting: { url: string; resolve(src: string): void; reject(error: unknown): void }[] = []
  const flush = async (): Promise<void> => {
    const batch = waiting.splice(0, MAX_URLS)
    if (waiting.length > 0) queueMicrotask(() => void flush())
    try {
      const urls = batch.map(({ url }) => url)
      const sources = await broker.media(bundle, urls)
      for (const [index, { resolve, reject }] of batch.entries()) {
        const src = sources[index]
        if (src) resolve(src)
        else reject(new BrokerError('invalid_request', { bundle })) // no media host that the broker knows
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
  return (url) =>
    new Promise((resolve, reject) => {
      if (waiting.push({ url, resolve, reject }) === 1) queueMicrotask(() => void flush())
    })
}
