/** This file is uploading from disk: files chosen, a progress bar, and what became of each file. */

import { uploadPhotos } from 'photos-token-broker/photos'
import { ALBUM_TITLE, findAlbum, readAlbum } from './album.js'
import { broker } from './broker.js'
import { button, element, list, showWords } from './dom.js'
import { showGrid } from './grid.js'
import { paintPhoto } from './paint.js'
import { tellError } from './words.js'

/** @import { Progress, UploadResult } from 'photos-token-broker/photos' */
/** @import { Bundle, Surface } from './card.js' */

/** @param {Bundle} bundle @param {Surface} surface */
export function createUploads(bundle, { tell, show }) {
  const input = element('input', { type: 'file', multiple: true, accept: 'image/*,video/*' })
  const label = element('label', { class: 'files' }, 'Photos or videos from this device', input)

  /** @param {Iterable<File | UploadResult>} files */
  const upload = async (files) => {
    const waiting = new AbortController()
    const bar = element('progress', { 'aria-label': 'Upload', max: '1', value: '0' })
    const words = element('span', {})
    tell(
      bar,
      words,
      button('Stop', async () => waiting.abort(), 'quiet'),
    )
    const results = await uploadPhotos(broker, {
      bundle: bundle.name,
      files,
      ...(await albumFor(bundle)),
      onProgress(progress) {
        bar.value = progress.total === 0 ? 1 : progress.sent / progress.total
        words.textContent = tellProgress(progress)
      },
      signal: waiting.signal,
    })
    const failed = results.filter(({ mediaItem }) => !mediaItem)
    const again = button('Try those again', async () => {
      await upload(results).catch((error) => tell(showWords(tellError(error))))
    })
    const outcome = element('div', {}, ...tellResults(results), ...(failed.length ? [again] : []))
    if (canSee(bundle)) outcome.append(showGrid(ALBUM_TITLE, await readAlbum(bundle.name)))
    show(outcome)
    input.value = ''
    tell()
  }

  return [
    label,
    {
      label: 'Upload',
      async work() {
        const { files } = input
        if (!files?.length) return 'Choose files first, or upload a picture that this page paints.'
        return upload(files)
      },
    },
    {
      label: 'Upload a painted picture',
      kind: 'quiet',
      work: async () => upload([await paintPhoto()]),
    },
  ]
}

/** @param {Bundle} bundle */
function canSee({ methods }) {
  return methods.includes('library.mediaItems.search')
}

/**
 * Finds the album of this demo, to be made if there is none; without the scope to see albums, there is none to find.
 *
 * @param {Bundle} bundle
 */
async function albumFor(bundle) {
  if (!canSee(bundle)) return {}
  const found = await findAlbum(bundle.name)
  return { album: found ? { id: found.id } : { title: ALBUM_TITLE } }
}

/** @param {Progress} progress */
function tellProgress({ sent, total, done, files }) {
  const percent = total === 0 ? 100 : Math.floor((sent / total) * 100)
  return percent < 100
    ? `${percent} % of ${files === 1 ? 'one file' : `${files} files`}`
    : `Adding to Google Photos: ${done} of ${files}`
}

/** @param {readonly UploadResult[]} results */
function tellResults(results) {
  const done = results.filter(({ mediaItem }) => mediaItem)
  const failed = results.flatMap(({ file, error }) =>
    error ? [`${file.name}: ${tellError(error).what}`] : [],
  )
  const names = done.map(({ file }) => file.name).join(', ')
  return [
    ...(done.length > 0 ? [element('p', {}, `Uploaded ${names}.`)] : []),
    ...(failed.length > 0 ? [element('p', {}, 'Not uploaded:'), list(failed, 'failed')] : []),
  ]
}
