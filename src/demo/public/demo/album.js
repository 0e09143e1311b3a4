/** The album that this demo creates in the user's library: finds it and shows it. */

import { PhotosError } from 'photos-token-broker/photos'
import { broker } from './broker.js'
import { element } from './dom.js'
import { showGrid } from './grid.js'

/** @import { Bundle, Surface } from './card.js' */
/** @import { Picture } from './grid.js' */

/** @typedef {{ id: string, title?: string }} Album */
/** @typedef {{ filename: string, baseUrl: string, mimeType: string }} MediaItem */

/** The title of the album. */
export const ALBUM_TITLE = 'Photos token broker demo'

/** How many items are shown at most. */
const SHOWN = 50

/** Makes the button that shows the album. @param {Bundle} bundle @param {Surface} surface */
export function createAlbum({ name }, { report, showResult }) {
  const work = async () => {
    report('Looking for the album …')
    const pictures = await readAlbum(name)
    showResult(
      pictures.length > 0
        ? showGrid(ALBUM_TITLE, pictures)
        : element('p', {}, 'The album is empty. Upload something first.'),
    )
  }
  return [{ label: 'Show the album', kind: 'quiet', work }]
}

/**
 * Finds the album of this demo among those this app created.
 *
 * @param {string} bundle
 * @returns {Promise<Album | undefined>}
 */
export async function findAlbum(bundle) {
  /** @type {{ albums?: Album[] }} */
  const { albums = [] } = await callLibrary(bundle, '/albums?pageSize=50')
  return albums.find(({ title }) => title === ALBUM_TITLE)
}

/** Lists the pictures of that album. @param {string} bundle @returns {Promise<Picture[]>} */
export async function readAlbum(bundle) {
  const album = await findAlbum(bundle)
  if (!album) return []
  /** @type {{ mediaItems?: MediaItem[] }} */
  const { mediaItems = [] } = await callLibrary(bundle, '/mediaItems:search', {
    albumId: album.id,
    pageSize: SHOWN,
  })
  if (mediaItems.length === 0) return []
  const sources = broker.media(
    bundle,
    mediaItems.map(({ baseUrl }) => `${baseUrl}=w320-h320`),
  )
  return mediaItems.map(({ filename, baseUrl, mimeType }, index) => {
    const isVideo = mimeType.startsWith('video/')
    return {
      name: filename,
      detail: mimeType,
      isVideo,
      small: async () => (await sources)[index] ?? '',
      async large() {
        const size = isVideo ? 'dv' : 'w1600-h1600'
        const [src = ''] = await broker.media(bundle, [`${baseUrl}=${size}`])
        return src
      },
    }
  })
}

/**
 * Calls the Library API. @throws {PhotosError} Google's error
 *
 * @param {string} bundle
 * @param {string} path
 * @param {object} [json]
 */
async function callLibrary(bundle, path, json) {
  const response = await broker.fetch(bundle, `${(await broker.apis()).library}/v1${path}`, {
    method: json ? 'POST' : 'GET',
    headers: json ? { 'Content-Type': 'application/json' } : {},
    body: json ? JSON.stringify(json) : null,
  })
  if (response.ok) return response.json()
  const { error } = await response.json().catch(() => ({}))
  throw new PhotosError(response.status, error?.status ?? '', error?.message ?? '')
}
