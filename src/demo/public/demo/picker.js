/** This file is one session of Google's photo picker: open it, wait for the user, list what was picked. */

import { callGoogle, PICKER_API, postJson } from './google.js'

/**
 * @typedef {object} PickingSession as the Picker API answers it
 * @property {string} id
 * @property {string} pickerUri
 * @property {{ pollInterval?: string, timeoutIn?: string }} [pollingConfig]
 * @property {boolean} [mediaItemsSet]
 */

/**
 * @typedef {object} PickedItem as the Picker API answers it
 * @property {string} id
 * @property {'PHOTO' | 'VIDEO'} type
 * @property {{ baseUrl: string, filename: string, mimeType: string,
 *   mediaFileMetadata?: { width?: number, height?: number } }} mediaFile
 */

/** Opens the window of the picker, empty: later than in the click itself, a browser would block it. */
export function openPickerWindow() {
  const opened = window.open('', 'photo-picker', 'popup,width=1000,height=760')
  if (opened) opened.document.title = 'Google Photos'
  return opened
}

/**
 * Lets the user pick.
 *
 * @param {string} bundle
 * @param {Window | null} opened the picker's window; `null` when the browser blocked it
 * @param {{ signal: AbortSignal, onBlocked: (url: string) => void }} options `onBlocked` shows a link to click instead
 * @returns {Promise<PickedItem[] | undefined>} `undefined` when there was no choice in time, or `signal` ended the wait
 */
export async function pick(bundle, opened, { signal, onBlocked }) {
  /** @type {PickingSession} */
  const session = await postJson(bundle, `${PICKER_API}/sessions`, {})
  try {
    const url = `${session.pickerUri}/autoclose`
    if (opened) opened.location.replace(url)
    else onBlocked(url)
    const isPicked = await waitForChoice(bundle, session, signal)
    return isPicked ? await listItems(bundle, session) : undefined
  } finally {
    await callGoogle(bundle, `${PICKER_API}/sessions/${session.id}`, { method: 'DELETE' })
  }
}

/**
 * Polls as often as Google says. Whether the window is still open tells nothing: Google may cut the tie to it.
 *
 * @param {string} bundle
 * @param {PickingSession} session
 * @param {AbortSignal} signal
 */
async function waitForChoice(bundle, session, signal) {
  const end = Date.now() + milliseconds(session.pollingConfig?.timeoutIn, 600)
  let { mediaItemsSet, pollingConfig } = session
  while (!mediaItemsSet) {
    await pause(milliseconds(pollingConfig?.pollInterval, 5), signal)
    if (signal.aborted || Date.now() > end) return false
    const response = await callGoogle(bundle, `${PICKER_API}/sessions/${session.id}`)
    ;({ mediaItemsSet, pollingConfig } = await response.json())
  }
  return true
}

/**
 * @param {string} bundle
 * @param {PickingSession} session
 */
async function listItems(bundle, session) {
  /** @type {PickedItem[]} */
  const items = []
  let pageToken = ''
  do {
    const query = new URLSearchParams({ sessionId: session.id, pageSize: '100', pageToken })
    if (!pageToken) query.delete('pageToken')
    const response = await callGoogle(bundle, `${PICKER_API}/mediaItems?${query}`)
    const { mediaItems = [], nextPageToken = '' } = await response.json()
    items.push(...mediaItems)
    pageToken = nextPageToken
  } while (pageToken)
  return items
}

/**
 * @param {string | undefined} duration Google's form: `5s`, `3.5s`
 * @param {number} otherwise seconds
 */
function milliseconds(duration, otherwise) {
  return (Number.parseFloat(duration ?? '') || otherwise) * 1000
}

/**
 * @param {number} duration milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function pause(duration, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, duration)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
