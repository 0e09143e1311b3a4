/** This file is the card of a bundle: what it is for, whether it can be had, and what to do with it. */

import { forgetBundle } from './broker.js'
import { button, element, list } from './dom.js'
import { showWords } from './results.js'
import { usesOf } from './uses.js'
import { tellConsentRequired, tellError, tellMethods } from './words.js'

/** @import { BundlesResponse, BundleStatus } from '../../../protocol.ts' */
/** @import { Use } from './uses.js' */

/**
 * @typedef {object} Card
 * @property {HTMLElement} root
 * @property {(status: BundleStatus | undefined) => void} show with `undefined` when nobody is logged in
 */

/**
 * Makes a card.
 *
 * @param {BundlesResponse['bundles'][number]} bundle
 * @param {object} page
 * @param {HTMLElement} page.connect what asks for consent: a link or a button
 * @param {() => Promise<void>} page.refresh asks the broker anew how things stand
 * @returns {Card}
 */
export function createCard(bundle, { connect, refresh }) {
  const { name, reason } = bundle
  const title = element('h3', { id: `bundle-${name}`, tabindex: '-1' }, name)
  const badge = element('span', { class: 'badge' })
  const standing = element('p', { class: 'standing' })
  const actions = element('div', { class: 'row' })
  const progress = element('p', { class: 'progress', role: 'status' })
  const result = element('div', { class: 'result' })

  /** @param {Node | string} text */
  const tell = (text, isError = false) => {
    progress.replaceChildren(...(text === '' ? [] : [text]))
    progress.classList.toggle('error', isError)
  }

  /** @param {Use} use */
  const toButton = ({ label, work }) =>
    button(label, async () => {
      tell(`${label} …`)
      try {
        await work({ tell, show: (node) => result.replaceChildren(node) })
        tell('')
      } catch (error) {
        tell(showWords(tellError(error)), true)
        await refresh()
      }
    })

  const forget = toButton({
    label: 'Forget',
    async work() {
      await forgetBundle(name)
      await refresh()
      title.focus()
    },
  })
  forget.className = 'quiet'
  const whenReady = [...usesOf(bundle).map(toButton), forget]

  return {
    root: element(
      'article',
      { class: 'card', 'aria-labelledby': title.id },
      element('header', {}, title, badge),
      element('p', { class: 'reason' }, reason),
      standing,
      actions,
      progress,
      result,
      ...explain(bundle),
    ),
    show(status) {
      const { short, long } = standingOf(status)
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

/** @param {BundlesResponse['bundles'][number]} bundle */
function explain({ scopes, methods }) {
  const may = tellMethods(methods)
  const words = may.length > 0 ? [element('h4', {}, 'With it, the app can'), list(may)] : []
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
      return { short: 'Ready', long: `Ready since ${when}.` }
    }
    case 'consent_required': {
      const short = status.reason === 'never_granted' ? 'Not connected' : 'Consent needed'
      return { short, long: tellConsentRequired(status) }
    }
    case 'unavailable':
      return { short: 'Unavailable', long: 'Google does not give this bundle on its own.' }
    case undefined:
      return { short: 'Not connected', long: 'Not connected yet.' }
  }
}
