/** This file is the use of the Library API: a photo uploaded, an album created, albums listed. */

import { callGoogle, LIBRARY_API, postJson } from './google.js'

/**
 * Paints a small picture, so that there is something to upload.
 *
 * @param {string} caption
 * @returns {Promise<Blob>} a PNG
 */
export async function paintPhoto(caption) {
  const canvas = new OffscreenCanvas(480, 320)
  const context = canvas.getContext('2d')
  if (!context) throw new Error('this browser does not paint')
  const sky = context.createLinearGradient(0, 0, 0, 320)
  sky.addColorStop(0, '#2b5fa8')
  sky.addColorStop(0.7, '#f3b27a')
  sky.addColorStop(1, '#e2725b')
  context.fillStyle = sky
  context.fillRect(0, 0, 480, 320)
  context.fillStyle = '#ffe9b8'
  context.beginPath()
  context.arc(330, 190, 46, 0, 2 * Math.PI)
  context.fill()
  context.fillStyle = '#1d2c3f'
  context.beginPath()
  context.moveTo(0, 320)
  for (let x = 0; x <= 480; x += 8) {
    context.lineTo(x, 250 - 34 * Math.sin(x / 61) - 12 * Math.sin(x / 19))
  }
  context.lineTo(480, 320)
  context.fill()
  context.fillStyle = '#fff'
  context.font = '20px system-ui, sans-serif'
  context.fillText(caption, 16, 304)
  return canvas.convertToBlob({ type: 'image/png' })
}

/**
 * Uploads a photo into the user's library.
 *
 * @param {string} bundle
 * @param {Blob} photo
 * @param {string} filename
 * @returns {Promise<{ id: string, filename: string, productUrl?: string }>}
 */
export async function uploadPhoto(bundle, photo, filename) {
  const uploaded = await callGoogle(bundle, `${LIBRARY_API}/uploads`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/octet-stream',
      'X-Goog-Upload-Content-Type': photo.type,
      'X-Goog-Upload-Protocol': 'raw',
    },
    body: photo,
  })
  const simpleMediaItem = { fileName: filename, uploadToken: await uploaded.text() }
  const { newMediaItemResults } = await postJson(bundle, `${LIBRARY_API}/mediaItems:batchCreate`, {
    newMediaItems: [{ description: 'Painted by the demo page', simpleMediaItem }],
  })
  const { mediaItem, status } = newMediaItemResults[0]
  if (!mediaItem) throw new Error(status?.message ?? 'no media item')
  return { filename, ...mediaItem }
}

/**
 * Creates an album.
 *
 * @param {string} bundle
 * @param {string} title
 * @returns {Promise<{ id: string, title: string }>}
 */
export function createAlbum(bundle, title) {
  return postJson(bundle, `${LIBRARY_API}/albums`, { album: { title } })
}

/**
 * Lists the albums this app created; the first fifty are enough for a demo.
 *
 * @param {string} bundle
 * @returns {Promise<{ id: string, title: string, mediaItemsCount?: string }[]>}
 */
export async function listAlbums(bundle) {
  const response = await callGoogle(bundle, `${LIBRARY_API}/albums?pageSize=50`)
  return (await response.json()).albums ?? []
}
