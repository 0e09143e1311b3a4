/** The card of a bundle: its purpose, its status and its buttons. */

import { createAlbum } from './album.js'
import { broker } from './broker.js'
import { button, element, list, showMessage } from './dom.js'
import { describeConsentRequired, describeError, describeMethods } from './messages.js'
import { createPicker } from './picks.js'
import { createToken } from './token.js'
import { createUploads } from './uploads.js'

/** @import { BundlesResponse, BundleStatus } from '../../../protocol/http.ts' */
/** @import { Message } from './messages.js' */

/** @typedef {BundlesResponse['bundles'][number]} Bundle */

/**
 * @typedef {object} Card
 * @property {HTMLElement} root
 * @property {(status: BundleStatus | undefined) => void} show `undefined` when nobody is connected
 */

/**
 * @typedef {object} Surface the part of a card where an action shows progress and results
 * @property {(...parts: (Node | string)[]) => void} report shows progress
 * @property {(node: Node) => void} showResult
 */

/**
 * @typedef {object} Use something that a bundle can be used for
 * @property {readonly string[]} needs the methods of Google's APIs that it calls
 * @property {(bundle: Bundle, surface: Surface) => (Node | Action)[]} create makes its controls
 */

/**
 * @typedef {object} Action a button
 * @property {string} label
 * @property {string} [kind] class names
 * @property {() => Promise<string | void>} work runs in the click, so that it may open a window; its text stays as the last progress
 */

/** @type {readonly Use[]} */
const USES = [
  { needs: ['picker.sessions.create'], create: createPicker },
  { needs: ['library.mediaItems.batchCreate'], create: createUploads },
  { needs: ['library.albums.list', 'library.mediaItems.search'], create: createAlbum },
  { needs: [], create: createToken },
]

/**
 * Makes a card.
 *
 * @param {Bundle} bundle
 * @param {object} page
 * @param {(work: () => Promise<void>) => Promise<void>} page.silently runs work whose changes are not shown as those of another tab
 * @param {(message: Message, kind?: 'ok' | 'error') => void} page.notify
 * @param {() => Promise<void>} page.refresh reads the session again and shows it
 * @returns {Card}
 */
export function createCard(bundle, { silently, notify, refresh }) {
  const { name, reason } = bundle
  const title = element('h3', { id: `bundle-${name}`, tabindex: '-1' }, name)
  const badge = element('span', { class: 'badge' })
  const statusText = element('p', { class: 'status' })
  const actions = element('div', { class: 'row' })
  const progress = element('div', { class: 'progress', role: 'status' })
  const result = element('div', { class: 'result' })

  /** @param {...(Node | string)} parts */
  const report = (...parts) => {
    progress.classList.remove('error')
    progress.replaceChildren(...parts.filter((part) => part !== ''))
  }
  const surface = { report, showResult: (/** @type {Node} */ node) => result.replaceChildren(node) }

  /** @param {Action} action */
  const toButton = ({ label, kind, work }) =>
    button(
      label,
      async () => {
        try {
          report((await work()) ?? '')
        } catch (error) {
          report(showMessage(describeError(error)))
          progress.classList.add('error')
          await refresh()
        }
      },
      kind,
    )

  const connect = toButton({
    label: `Connect ${name}`,
    async work() {
      const waiting = new AbortController()
      const stop = button('Stop waiting', async () => waiting.abort(), 'quiet')
      report('Waiting for your answer in the window of Google … ', stop)
      await broker.connect(name, { signal: waiting.signal })
      title.focus()
    },
  })
  const forget = toButton({
    label: `Disconnect ${name}`,
    kind: 'danger',
    async work() {
      await silently(() => broker.disconnect(name))
      notify({ what: `The broker has forgotten the bundle “${name}”.` })
      await refresh()
      title.focus()
    },
  })
  const whenReady = USES.filter(({ needs }) =>
    needs.every((method) => bundle.methods.includes(method)),
  )
    .flatMap(({ create }) => create(bundle, surface))
    .map((control) => (control instanceof Node ? control : toButton(control)))
  whenReady.push(forget)

  const facts = element(
    'div',
    { class: 'facts' },
    element('header', {}, title, badge),
    element('p', { class: 'reason' }, reason),
    statusText,
    ...listPermissions(bundle),
  )
  const controls = element('div', { class: 'controls' }, actions, progress, result)

  return {
    root: element('article', { class: 'card', 'aria-labelledby': title.id }, facts, controls),
    show(status) {
      const { short, long } = describeStatus(status)
      if (status?.status === 'ready' && badge.dataset['status'] !== 'ready') report() // an old error no longer applies
      badge.textContent = short
      badge.dataset['status'] = status?.status ?? 'none'
      statusText.textContent = long
      const isReady = status?.status === 'ready'
      if (!isReady) result.replaceChildren()
      const wanted = isReady ? whenReady : status?.status === 'unavailable' ? [] : [connect]
      // A button that is inserted again loses the focus, even at the same place.
      if (actions.firstChild !== wanted[0]) actions.replaceChildren(...wanted)
    },
  }
}

/** @param {Bundle} bundle */
function listPermissions({ scopes, methods }) {
  const abilities = describeMethods(methods)
  const heading = element('h4', {}, 'With it, this app can')
  const summary = abilities.length > 0 ? [heading, list(abilities)] : []
  const names = [...scopes, ...methods].map((text) => element('code', {}, text))
  const details = element('details', {}, element('summary', {}, 'Scopes and methods'), list(names))
  return [...summary, details]
}

/** @param {BundleStatus | undefined} status */
function describeStatus(status) {
  switch (status?.status) {
    case 'ready': {
      const since = new Date(status.granted_at * 1000)
      const when = since.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
      return { short: 'Ready', long: `You allowed this on ${when}.` }
    }
    case 'consent_required': {
      const short = status.reason === 'never_granted' ? 'Not connected' : 'Consent needed'
      return { short, long: describeConsentRequired(status) }
    }
    case 'unavailable':
      return {
        short: 'Unavailable',
        long: 'Google grants other scopes than this bundle asks for, so the broker issues no token for it.',
      }
    case undefined:
      return {
        short: 'Not connected',
        long: describeConsentRequired({ reason: 'never_granted', missing_scope: '' }),
      }
  }
}
