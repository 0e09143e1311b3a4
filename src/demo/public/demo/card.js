/** This file is the card of a bundle: what it is for, whether it can be had, and what to do with it. */

import { createAlbum } from './album.js'
import { broker } from './broker.js'
import { button, element, list, showWords } from './dom.js'
import { createPicks } from './picks.js'
import { createToken } from './token.js'
import { createUploads } from './uploads.js'
import { tellConsentRequired, tellError, tellMethods } from './words.js'

/** @import { BundlesResponse, BundleStatus } from '../../../protocol/http.ts' */
/** @import { Words } from './words.js' */

/** @typedef {BundlesResponse['bundles'][number]} Bundle */

/**
 * @typedef {object} Card
 * @property {HTMLElement} root
 * @property {(status: BundleStatus | undefined) => void} show with `undefined` when nobody is connected
 */

/**
 * @typedef {object} Surface where a use of a bundle shows what is going on
 * @property {(...what: (Node | string)[]) => void} tell progress
 * @property {(node: Node) => void} show
 */

/**
 * @typedef {object} Use of a bundle
 * @property {readonly string[]} needs methods of Google's APIs
 * @property {(bundle: Bundle, surface: Surface) => (Node | Action)[]} create what a person handles it by
 */

/**
 * @typedef {object} Action a button
 * @property {string} label
 * @property {string} [kind] class names
 * @property {() => Promise<string | void>} work begins in the click itself, so that it may open a window; its last word stays
 */

/** @type {readonly Use[]} */
const USES = [
  { needs: ['picker.sessions.create'], create: createPicks },
  { needs: ['library.mediaItems.batchCreate'], create: createUploads },
  { needs: ['library.albums.list', 'library.mediaItems.search'], create: createAlbum },
  { needs: [], create: createToken },
]

/**
 * Makes a card.
 *
 * @param {Bundle} bundle
 * @param {object} page
 * @param {(work: () => Promise<void>) => Promise<void>} page.isolate
 * @param {(words: Words, kind?: 'ok' | 'error') => void} page.notify
 * @param {() => Promise<void>} page.refresh asks the broker anew how things stand
 * @returns {Card}
 */
export function createCard(bundle, { isolate, notify, refresh }) {
  const { name, reason } = bundle
  const title = element('h3', { id: `bundle-${name}`, tabindex: '-1' }, name)
  const badge = element('span', { class: 'badge' })
  const standing = element('p', { class: 'standing' })
  const actions = element('div', { class: 'row' })
  const progress = element('div', { class: 'progress', role: 'status' })
  const result = element('div', { class: 'result' })

  /** @param {...(Node | string)} what */
  const tell = (...what) => {
    progress.classList.remove('error')
    progress.replaceChildren(...what.filter((one) => one !== ''))
  }
  const surface = { tell, show: (/** @type {Node} */ node) => result.replaceChildren(node) }

  /** @param {Action} action */
  const toButton = ({ label, kind, work }) =>
    button(
      label,
      async () => {
        try {
          tell((await work()) ?? '')
        } catch (error) {
          tell(showWords(tellError(error)))
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
      tell('Waiting for you in the window of Google … ', stop)
      await broker.connect(name, { signal: waiting.signal })
      title.focus()
    },
  })
  const forget = toButton({
    label: `Disconnect ${name}`,
    kind: 'danger',
    async work() {
      await isolate(() => broker.disconnect(name))
      notify({ what: `The broker has forgotten the bundle “${name}”.` })
      await refresh()
      title.focus()
    },
  })
  const whenReady = USES.filter(({ needs }) => needs.every((one) => bundle.methods.includes(one)))
    .flatMap(({ create }) => create(bundle, surface))
    .map((one) => (one instanceof Node ? one : toButton(one)))
  whenReady.push(forget)

  const facts = element(
    'div',
    { class: 'facts' },
    element('header', {}, title, badge),
    element('p', { class: 'reason' }, reason),
    standing,
    ...explain(bundle),
  )
  const deeds = element('div', { class: 'deeds' }, actions, progress, result)

  return {
    root: element('article', { class: 'card', 'aria-labelledby': title.id }, facts, deeds),
    show(status) {
      const { short, long } = standingOf(status)
      if (status?.status === 'ready' && badge.dataset['status'] !== 'ready') tell() // what failed has come about
      badge.textContent = short
      badge.dataset['status'] = status?.status ?? 'none'
      standing.textContent = long
      const isReady = status?.status === 'ready'
      if (!isReady) result.replaceChildren()
      const wanted = isReady ? whenReady : status?.status === 'unavailable' ? [] : [connect]
      // Moved, even to where it is, a button would lose the focus.
      if (actions.firstChild !== wanted[0]) actions.replaceChildren(...wanted)
    },
  }
}

/** @param {Bundle} bundle */
function explain({ scopes, methods }) {
  const may = tellMethods(methods)
  const words = may.length > 0 ? [element('h4', {}, 'With it, this app can'), list(may)] : []
  const names = [...scopes, ...methods].map((text) => element('code', {}, text))
  const details = element('details', {}, element('summary', {}, 'Scopes and methods'), list(names))
  return [...words, details]
}

/** @param {BundleStatus | undefined} status */
function standingOf(status) {
  switch (status?.status) {
    case 'ready': {
      const since = new Date(status.granted_at * 1000)
      const when = since.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
      return { short: 'Ready', long: `You allowed this on ${when}.` }
    }
    case 'consent_required': {
      const short = status.reason === 'never_granted' ? 'Not connected' : 'Consent needed'
      return { short, long: tellConsentRequired(status) }
    }
    case 'unavailable':
      return { short: 'Unavailable', long: 'Google does not give this bundle on its own.' }
    case undefined:
      return {
        short: 'Not connected',
        long: tellConsentRequired({ reason: 'never_granted', missing_scope: '' }),
      }
  }
}
