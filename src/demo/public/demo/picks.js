/** Picking: a window of Google Photos, then a grid of the picked items. */

import { BrokerError } from 'photos-token-broker'
import { pickPhotos } from 'photos-token-broker/photos'
import { broker } from './broker.js'
import { button, element } from './dom.js'
import { showGrid } from './grid.js'

/** @import { PickedItem, PickState } from 'photos-token-broker/photos' */
/** @import { Bundle, Surface } from './card.js' */

/** Makes the button that opens the picker. @param {Bundle} bundle @param {Surface} surface */
export function createPicker({ name }, { report, showResult }) {
  const work = async () => {
    const waiting = new AbortController()
    const stop = button('Stop waiting', async () => waiting.abort(), 'quiet')
    try {
      const items = await pickPhotos(broker, {
        bundle: name,
        signal: waiting.signal,
        onBlocked: (href) => report(linkTo(href), ' ', stop),
        onState: (state) => report(`${describeState(state)} `, stop),
      })
      showResult(showGrid(`${items.length} chosen`, items.map(toPicture)))
    } catch (error) {
      if (!(error instanceof BrokerError && error.code === 'popup_closed')) throw error
      showResult(element('p', {}, 'Nothing was chosen.'))
    }
  }
  return [{ label: 'Choose photos', work }]
}

/** @param {PickState} state */
function describeState({ state, items }) {
  if (state === 'connecting') return 'Waiting for your consent in the window of Google …'
  if (state === 'waiting') return 'Waiting for your choice in the window of Google Photos …'
  if (state === 'retrying') return 'Google does not answer just now. Trying again …'
  return `Reading what you chose: ${items} so far …`
}

/** @param {PickedItem} item */
function toPicture(item) {
  const { filename, type, width, height } = item
  return {
    name: filename,
    detail: width && height ? `${width} × ${height}` : item.mimeType,
    isVideo: type === 'VIDEO',
    small: () => item.src({ width: 320, height: 320 }),
    large: () => item.src(type === 'VIDEO' ? { original: true } : { width: 1600, height: 1600 }),
  }
}

/** @param {string} href */
function linkTo(href) {
  const attributes = { class: 'button', href, target: '_blank', rel: 'noopener' }
  return element('a', attributes, 'Open Google Photos')
}
