/** This file is how results look: words, a token, picked photos, an upload, albums. */

import { element, list } from './dom.js'

/** @import { TokenResponse } from '../../../protocol.ts' */
/** @import { PickedItem } from './picker.js' */
/** @import { Words } from './words.js' */

/**
 * Shows what happened and what to do.
 *
 * @param {Words} words
 */
export function showWords({ what, todo = '', detail, connect_url }) {
  const link = connect_url ? [' ', element('a', { href: connect_url }, 'Connect now')] : []
  const small = detail ? [element('small', {}, detail)] : []
  return element('span', {}, `${what} ${todo}`.trim(), ...link, ...small)
}

/**
 * Shows a token without giving it away, and counts its life down for as long as it is on screen.
 *
 * @param {TokenResponse} token
 */
export function showToken({ access_token, expires_in, scope }) {
  const expires_at = Date.now() + expires_in * 1000
  const left = element('span', { role: 'timer', 'aria-live': 'off' })
  const count = () => {
    const seconds = Math.max(0, Math.round((expires_at - Date.now()) / 1000))
    left.textContent =
      seconds === 0
        ? 'over; ask for another'
        : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`
  }
  count()
  const timer = setInterval(() => (left.isConnected ? count() : clearInterval(timer)), 1000)
  return element(
    'dl',
    { class: 'token' },
    ...row('Access token', element('code', {}, mask(access_token))),
    ...row('Scope', ...scope.split(' ').map((one) => element('code', {}, one))),
    ...row('Expires in', left),
  )
}

/**
 * Shows what was picked.
 *
 * @param {readonly PickedItem[]} items
 * @param {readonly string[]} sources addresses of their pictures, of the first ones at least
 */
export function showPicked(items, sources) {
  const rows = items.map(({ type, mediaFile }, index) => {
    const { width, height } = mediaFile.mediaFileMetadata ?? {}
    const size = width && height ? `${width} × ${height}` : 'unknown'
    return element(
      'tr',
      {},
      element('td', {}, ...thumbnail(sources[index], mediaFile.filename)),
      element('th', { scope: 'row' }, mediaFile.filename),
      element('td', {}, `${type === 'VIDEO' ? 'Video' : 'Photo'}, ${mediaFile.mimeType}`),
      element('td', {}, size),
    )
  })
  const heads = ['Picture', 'File', 'Type', 'Size'].map((text) =>
    element('th', { scope: 'col' }, text),
  )
  return element(
    'table',
    {},
    element('caption', {}, `${items.length} chosen`),
    element('thead', {}, element('tr', {}, ...heads)),
    element('tbody', {}, ...rows),
  )
}

/** @param {string | undefined} src @param {string} filename */
function thumbnail(src, filename) {
  return src === undefined ? [] : [element('img', { src, alt: filename, height: '80' })]
}

/**
 * @param {{ filename: string, productUrl?: string }} item
 * @param {Blob} photo
 */
export function showUpload({ filename, productUrl }, photo) {
  const src = URL.createObjectURL(photo)
  const image = element('img', { src, alt: 'The picture the page painted', width: '240' })
  image.addEventListener('load', () => URL.revokeObjectURL(src))
  const name = productUrl
    ? element('a', { href: productUrl, target: '_blank', rel: 'noopener' }, filename)
    : filename
  return element('figure', {}, image, element('figcaption', {}, 'Uploaded as ', name))
}

/**
 * @param {readonly { title: string, mediaItemsCount?: string }[]} albums
 * @param {string} [created] title of the one just made
 */
export function showAlbums(albums, created) {
  const titles = albums.map(({ title, mediaItemsCount = '0' }) => `${title} (${mediaItemsCount})`)
  return element(
    'div',
    {},
    element('p', {}, created ? `Created “${created}”.` : ''),
    element('p', {}, `Albums this app created: ${albums.length}`),
    list(titles),
  )
}

/** @param {string} token */
function mask(token) {
  return `${token.slice(0, 5)}${'•'.repeat(12)} (${token.length} characters)`
}

/** @param {string} term @param {...Node} descriptions */
function row(term, ...descriptions) {
  return [
    element('dt', {}, term),
    ...descriptions.map((description) => element('dd', {}, description)),
  ]
}
