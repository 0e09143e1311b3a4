/** This file is what the page does with a token: as much as the methods of a bundle allow. */

import { getToken, mediaSources } from './broker.js'
import { button, element } from './dom.js'
import { createAlbum, listAlbums, paintPhoto, uploadPhoto } from './library.js'
import { openPickerWindow, pick } from './picker.js'
import { showAlbums, showPicked, showToken, showUpload } from './results.js'

/** @import { PickedItem } from './picker.js' */

/**
 * @typedef {object} Surface where a card shows what is going on
 * @property {(text: string) => void} tell progress
 * @property {(node: Node) => void} show
 */

/**
 * @typedef {object} Use
 * @property {string} label
 * @property {(surface: Surface) => Promise<void>} work runs in the click itself, so that it may open a window
 */

/**
 * Says what can be done with a bundle.
 *
 * @param {{ name: string, methods: readonly string[] }} bundle
 * @returns {Use[]}
 */
export function usesOf({ name, methods }) {
  const uses = [
    { label: 'Get token', needs: [], work: takeToken },
    { label: 'Choose photos', needs: ['picker.sessions.create'], work: choosePhotos },
    { label: 'Upload a photo', needs: ['library.mediaItems.batchCreate'], work: upload },
    {
      label: 'Create an album',
      needs: ['library.albums.create', 'library.albums.list'],
      work: addAlbum,
    },
    { label: 'List albums', needs: ['library.albums.list'], work: showAllAlbums },
  ]
  return uses
    .filter(({ needs }) => needs.every((method) => methods.includes(method)))
    .map(({ label, work }) => ({ label, work: (surface) => work(name, surface) }))
}

/** @param {string} bundle @param {Surface} surface */
async function takeToken(bundle, { show }) {
  show(showToken(await getToken(bundle)))
}

/** @param {string} bundle @param {Surface} surface */
async function choosePhotos(bundle, { tell, show }) {
  const opened = openPickerWindow()
  const waiting = new AbortController()
  const stop = button('Stop waiting', async () => waiting.abort(), 'quiet')
  tell('Waiting for you to choose photos in the window of Google Photos …')
  show(stop)
  try {
    const items = await pick(bundle, opened, {
      signal: waiting.signal,
      onBlocked: (href) => show(element('p', {}, linkTo(href, 'Open Google Photos'), ' ', stop)),
    })
    show(items ? await showItems(bundle, items) : element('p', {}, 'Nothing was chosen.'))
  } finally {
    stop.remove()
    opened?.close()
  }
}

/**
 * Shows as many as the broker gives tickets for at once; the rest by name.
 *
 * @param {string} bundle
 * @param {PickedItem[]} items
 */
async function showItems(bundle, items) {
  const urls = items.slice(0, 100).map(({ mediaFile }) => `${mediaFile.baseUrl}=w160-h160`)
  return showPicked(items, urls.length === 0 ? [] : await mediaSources(bundle, urls))
}

/** @param {string} bundle @param {Surface} surface */
async function upload(bundle, { show }) {
  const now = new Date()
  const photo = await paintPhoto(now.toLocaleString())
  const filename = `demo-${now.toISOString().slice(0, 19).replaceAll(':', '')}.png`
  show(showUpload(await uploadPhoto(bundle, photo, filename), photo))
}

/** @param {string} bundle @param {Surface} surface */
async function addAlbum(bundle, { show }) {
  const { title } = await createAlbum(bundle, `Demo album, ${new Date().toLocaleString()}`)
  show(showAlbums(await listAlbums(bundle), title))
}

/** @param {string} bundle @param {Surface} surface */
async function showAllAlbums(bundle, { show }) {
  show(showAlbums(await listAlbums(bundle)))
}

/** @param {string} href @param {string} text */
function linkTo(href, text) {
  return element('a', { class: 'button', href, target: '_blank', rel: 'noopener' }, text)
}
