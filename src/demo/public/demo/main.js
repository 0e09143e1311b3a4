/** This file is the demo page: it shows how things stand with the broker, and what came of the last consent. */

import { connectUrl, disconnect, listBundles, logOut, readSession } from './broker.js'
import { createCard } from './card.js'
import { button, byId, element } from './dom.js'
import { showWords } from './results.js'
import { tellConnectError, tellError } from './words.js'

/** @import { SessionResponse } from '../../../protocol.ts' */
/** @import { Card } from './card.js' */
/** @import { Words } from './words.js' */

/** @type {Map<string, Card>} */
const cards = new Map()

const accountActions = [
  account('Log out here', () => logOut({ all: false }), {
    what: 'Logged out here. What you allowed stays, for the next time you connect.',
  }),
  account('Log out everywhere', () => logOut({ all: true }), {
    what: 'Logged out in every browser. What you allowed stays, for the next time you connect.',
  }),
  account('Disconnect Google Photos', disconnect, {
    what: 'Disconnected. Google revoked everything this app had, and the broker forgot it.',
  }),
]

await start()

async function start() {
  byId('google').textContent =
    document.documentElement.dataset['simulator'] === 'true'
      ? 'Google is simulated on this machine'
      : 'This is the real Google'
  tellOutcome()
  try {
    for (const bundle of await listBundles()) {
      const { name } = bundle
      const attributes = { class: 'button', href: connectUrl(name) }
      const connect = element('a', attributes, `Connect ${name}`)
      cards.set(name, createCard(bundle, { connect, refresh }))
    }
    byId('bundles').replaceChildren(...[...cards.values()].map(({ root }) => root))
    await refresh()
    addEventListener('focus', () => void refresh()) // another tab may have changed things
  } catch (error) {
    notify(tellError(error), 'error')
  }
}

/** Says what came of a consent, and takes it out of the address bar: a reload is not another outcome. */
function tellOutcome() {
  const url = new URL(location.href)
  const query = url.searchParams
  const outcome = query.get('connect')
  if (!outcome) return
  const bundle = query.get('bundle') ?? ''
  if (outcome === 'ok') notify({ what: `Connected: the bundle “${bundle}” is ready.` })
  else notify(tellConnectError(query.get('error')), 'error')
  for (const name of ['connect', 'bundle', 'error']) query.delete(name)
  history.replaceState(history.state, '', url)
}

/** Shows how things stand now. */
async function refresh() {
  try {
    const session = await readSession()
    showAccount(session)
    for (const [name, card] of cards) card.show(session?.bundles[name])
  } catch (error) {
    notify(tellError(error), 'error')
  }
}

/** @param {SessionResponse | undefined} session */
function showAccount(session) {
  byId('account').textContent = session
    ? `You are logged in as the Google account with the id ${session.sub}.`
    : 'Nobody is logged in. Connect a bundle: the first consent begins your session.'
  const actions = byId('account-actions')
  if (!session) actions.replaceChildren()
  else if (!actions.hasChildNodes()) actions.append(...accountActions) // moved, a button would lose the focus
}

/**
 * Makes a button that ends something for the whole account.
 *
 * @param {string} label
 * @param {() => Promise<void>} end
 * @param {Words} words
 */
function account(label, end, words) {
  return button(
    label,
    async () => {
      try {
        await end()
        await refresh()
        notify(words)
      } catch (error) {
        notify(tellError(error), 'error')
      }
      byId('notice').focus()
    },
    label.startsWith('Disconnect') ? 'danger' : 'quiet',
  )
}

/** @param {Words} words @param {'ok' | 'error'} [kind] */
function notify(words, kind = 'ok') {
  const notice = byId('notice')
  notice.hidden = false
  notice.dataset['kind'] = kind
  notice.replaceChildren(showWords(words))
}
