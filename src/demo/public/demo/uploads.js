/** Uploading from this device: a file input, a progress bar, and a result for each file. */

import { PhotosError, uploadPhotos } from 'photos-token-broker/photos'
import { ALBUM_TITLE, findAlbum, readAlbum } from './album.js'
import { broker } from './broker.js'
import { button, element, list, showMessage } from './dom.js'
import { showGrid } from './grid.js'
import { describeError } from './messages.js'
import { paintPhoto } from './paint.js'

/** @import { Progress, UploadResult } from 'photos-token-broker/photos' */
/** @import { Bundle, Surface } from './card.js' */

/** Makes the controls of an upload. @param {Bundle} bundle @param {Surface} surface */
export function createUploads(bundle, { report, showResult }) {
  const input = element('input', { type: 'file', multiple: true, accept: 'image/*,video/*' })
  const label = element('label', { class: 'files' }, 'Photos or videos from this device', input)

  /** @param {Iterable<File | UploadResult>} files */
  const upload = async (files) => {
    const waiting = new AbortController()
    const bar = element('progress', { 'aria-label': 'Upload', max: '1', value: '0' })
    const text = element('span', {})
    report(
      bar,
      text,
      button('Stop', async () => waiting.abort(), 'quiet'),
    )
    const results = await uploadPhotos(broker, {
      bundle: bundle.name,
      files,
      ...(await albumOption(bundle)),
      onProgress(progress) {
        bar.value = progress.total === 0 ? 1 : progress.sent / progress.total
        text.textContent = describeProgress(progress)
      },
      signal: waiting.signal,
    })
    const failed = results.filter(({ mediaItem }) => !mediaItem)
    const again = button('Try those again', async () => {
      await upload(results).catch((error) => report(showMessage(describeError(error))))
    })
    const canHelp = failed.some(({ error }) => !(error instanceof PhotosError) || error.isPassing)
    const outcome = element('div', {}, ...listResults(results), ...(canHelp ? [again] : []))
    if (canReadAlbums(bundle)) outcome.append(showGrid(ALBUM_TITLE, await readAlbum(bundle.name)))
    showResult(outcome)
    input.value = ''
    report()
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
function canReadAlbums({ methods }) {
  return methods.includes('library.mediaItems.search')
}

/**
 * Names the album for an upload: the existing one, or a title to create it. None without the scope to read albums.
 *
 * @param {Bundle} bundle
 */
async function albumOption(bundle) {
  if (!canReadAlbums(bundle)) return {}
  const found = await findAlbum(bundle.name)
  return { album: found ? { id: found.id } : { title: ALBUM_TITLE } }
}

/** @param {Progress} progress */
function describeProgress({ sent, total, done, files }) {
  const percent = total === 0 ? 100 : Math.floor((sent / total) * 100)
  return percent < 100
    ? `${percent} % of ${files === 1 ? 'one file' : `${files} files`}`
    : `Adding to Google Photos: ${done} of ${files}`
}

/** @param {readonly UploadResult[]} results */
function listResults(results) {
  const done = results.filter(({ mediaItem }) => mediaItem)
  const failed = results.flatMap(({ file, error }) =>
    error ? [`${file.name}: ${describeError(error).what}`] : [],
  )
  const names = done.map(({ file }) => file.name).join(', ')
  return [
    ...(done.length > 0 ? [element('p', {}, `Uploaded ${names}.`)] : []),
    ...(failed.length > 0 ? [element('p', {}, 'Not uploaded:'), list(failed, 'failed')] : []),
  ]
}
