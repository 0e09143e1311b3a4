/** A grid of pictures; a click opens one large, or plays a film. */

import { element } from './dom.js'

/**
 * @typedef {object} Picture
 * @property {string} name
 * @property {string} detail
 * @property {boolean} isVideo
 * @property {() => Promise<string>} small an address for `<img>`
 * @property {() => Promise<string>} large an address for `<img>`, or `<video>`
 */

/** Shows pictures. @param {string} caption @param {readonly Picture[]} pictures */
export function showGrid(caption, pictures) {
  const items = pictures.map((picture) => element('li', {}, toThumbnail(picture)))
  return element(
    'figure',
    { class: 'grid' },
    element('figcaption', {}, caption),
    element('ul', { role: 'list' }, ...items),
  )
}

/** @param {Picture} picture */
function toThumbnail(picture) {
  const { name, detail, isVideo, small } = picture
  const image = element('img', { alt: '', loading: 'lazy' })
  const fail = () => image.replaceWith(element('span', { class: 'missing' }, 'No preview'))
  image.addEventListener('error', fail)
  small().then((src) => image.setAttribute('src', src), fail)
  const kind = isVideo ? [element('span', { class: 'kind' }, 'Film')] : []
  const open = () => void enlarge(picture)
  return element(
    'button',
    { type: 'button', class: 'thumbnail', click: open },
    image,
    ...kind,
    element('span', { class: 'name' }, name),
    element('small', {}, detail),
  )
}

/** @param {Picture} picture */
async function enlarge({ name, isVideo, large }) {
  const close = element('button', { type: 'button', class: 'quiet' }, 'Close')
  const place = element('div', {}, 'Loading …')
  const dialog = element(
    'dialog',
    { 'aria-label': name },
    place,
    element('p', {}, `${name} `),
    close,
  )
  close.addEventListener('click', () => dialog.close())
  dialog.addEventListener('close', () => dialog.remove())
  document.body.append(dialog)
  dialog.showModal() // Escape closes it, and the focus goes back to the picture
  try {
    const src = await large()
    const shown = isVideo
      ? element('video', { src, controls: true, playsinline: true })
      : element('img', { src, alt: name })
    shown.addEventListener('error', () => place.replaceChildren('It could not be loaded.'))
    place.replaceChildren(shown)
  } catch {
    place.replaceChildren('It could not be loaded. Choose the photos again.')
  }
}
