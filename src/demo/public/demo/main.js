/** This file is the demo page: who is connected, what this app may do, and what came of the last click. */

import { BrokerError } from 'photos-token-broker/client'
import { broker, listBundles } from './broker.js'
import { createCard } from './card.js'
import { button, byId, showWords } from './dom.js'
import { tellError } from './words.js'

/** @import { Change } from 'photos-token-broker/client' */
/** @import { SessionResponse } from '../../../protocol/http.ts' */
/** @import { Card } from './card.js' */
/** @import { Words } from './words.js' */

/** @type {Map<string, Card>} */
const cards = new Map()

/** What this tab itself is doing: changes it brings about are no news from another. */
let isBusy = false

const accountActions = [
  endButton('Sign out', 'quiet', () => broker.signOut(), {
    what: 'Signed out, in every tab. What you allowed stays, for the next time you connect.',
  }),
  endButton('Disconnect Google Photos', 'danger', () => broker.disconnect(), {
    what: 'Disconnected. Google revoked everything this app had, and the broker forgot it.',
  }),
]

broker.on('change', (change) => void follow(change))
await start()

async function start() {
  try {
    for (const bundle of await listBundles())
      cards.set(bundle.name, createCard(bundle, { isolate, notify, refresh }))
    byId('bundles').replaceChildren(...[...cards.values()].map(({ root }) => root))
    await refresh()
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) void refresh() // the user may have been at Google meanwhile
    })
  } catch (error) {
    notify(tellError(error), 'error')
  }
}

/**
 * Follows what happened here or in another tab.
 *
 * @param {Change} change
 */
async function follow(change) {
  if (change.type === 'failed') return notify(tellError(change.error), 'error')
  if (change.type === 'connected')
    notify({ what: `Connected: the bundle “${change.bundle}” is ready.` })
  else if (!isBusy)
    notify({
      what: change.type === 'signed-out' ? 'Signed out in another tab.' : 'Ended in another tab.',
    })
  if (change.type === 'signed-out')
    show(undefined) // without asking: there may be no network
  else await refresh()
}

/** Shows how things stand now. */
async function refresh() {
  try {
    show(await readSession())
  } catch (error) {
    notify(tellError(error), 'error')
  }
}

/** @returns {Promise<SessionResponse | undefined>} `undefined` when nobody is connected */
async function readSession() {
  try {
    return await broker.session()
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'login_required') return undefined
    throw error
  }
}

/** @param {SessionResponse | undefined} session */
function show(session) {
  byId('account').textContent = session
    ? `You are connected as the Google account with the id ${session.sub}.`
    : 'Nobody is connected. Connect a bundle: the first consent begins your session.'
  const actions = byId('account-actions')
  if (!session) actions.replaceChildren()
  else if (!actions.hasChildNodes()) actions.append(...accountActions) // moved, a button would lose the focus
  for (const [name, card] of cards) card.show(session?.bundles[name])
}

/**
 * Makes a button that ends something for the whole account.
 *
 * @param {string} label
 * @param {string} kind
 * @param {() => Promise<void>} end
 * @param {Words} words
 */
function endButton(label, kind, end, words) {
  const work = async () => {
    try {
      await isolate(end)
      show(undefined)
      notify(words)
    } catch (error) {
      notify(tellError(error), 'error')
      await refresh()
    }
    byId('notice').focus()
  }
  return button(label, work, kind)
}

/**
 * Does something whose changes this page tells of itself.
 *
 * @param {() => Promise<void>} work
 */
async function isolate(work) {
  isBusy = true
  try {
    await work()
  } finally {
    isBusy = false
  }
}

/** @param {Words} words @param {'ok' | 'error'} [kind] */
function notify(words, kind = 'ok') {
  const notice = byId('notice')
  notice.hidden = false
  notice.dataset['kind'] = kind
  notice.replaceChildren(showWords(words))
}
