/** The demo page: the session, a card for each bundle, and notices. */

import { BrokerError } from 'photos-token-broker'
import { broker, listBundles } from './broker.js'
import { createCard } from './card.js'
import { button, byId, showMessage } from './dom.js'
import { describeError } from './messages.js'

/** @import { Change } from 'photos-token-broker' */
/** @import { SessionResponse } from '../../../protocol/http.ts' */
/** @import { Card } from './card.js' */
/** @import { Message } from './messages.js' */

/** @type {Map<string, Card>} */
const cards = new Map()

/** Whether this tab itself causes changes: then no notice says "in another tab". */
let isBusy = false

const accountActions = [
  endButton('Sign out', 'quiet', () => broker.signOut(), {
    what: 'Signed out, in every tab. Your consent stays, for the next time you connect.',
  }),
  endButton('Disconnect Google Photos', 'danger', () => broker.disconnect(), {
    what: 'Disconnected. Google revoked all access of this app, and the broker deleted its records.',
  }),
]

broker.on('change', (change) => void showChange(change))
await start()

async function start() {
  try {
    for (const bundle of await listBundles())
      cards.set(bundle.name, createCard(bundle, { silently, notify, refresh }))
    byId('bundles').replaceChildren(...[...cards.values()].map(({ root }) => root))
    await refresh()
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) void refresh() // the user may have removed the app at Google
    })
  } catch (error) {
    notify(describeError(error), 'error')
  }
}

/** Shows a change of this tab or another. @param {Change} change */
async function showChange(change) {
  if (change.type === 'failed') return notify(describeError(change.error), 'error')
  if (change.type === 'connected')
    notify({ what: `Connected: the bundle “${change.bundle}” is ready.` })
  else if (!isBusy)
    notify({
      what:
        change.type === 'signed-out'
          ? 'Signed out in another tab.'
          : 'Disconnected in another tab.',
    })
  if (change.type === 'signed-out')
    show(undefined) // without a request: there may be no network
  else await refresh()
}

/** Reads the session and shows it. */
async function refresh() {
  try {
    show(await readSession())
  } catch (error) {
    notify(describeError(error), 'error')
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
    : 'Nobody is connected. Connect a bundle: the first consent starts your session.'
  const actions = byId('account-actions')
  if (!session) actions.replaceChildren()
  else if (!actions.hasChildNodes()) actions.append(...accountActions) // a button that is inserted again loses the focus
  for (const [name, card] of cards) card.show(session?.bundles[name])
}

/**
 * Makes a button that ends the session or the grant.
 *
 * @param {string} label
 * @param {string} kind
 * @param {() => Promise<void>} end
 * @param {Message} message
 */
function endButton(label, kind, end, message) {
  const work = async () => {
    try {
      await silently(end)
      show(undefined)
      notify(message)
    } catch (error) {
      notify(describeError(error), 'error')
      await refresh()
    }
    byId('notice').focus()
  }
  return button(label, work, kind)
}

/** Runs work of this tab: its changes are not shown as those of another tab. @param {() => Promise<void>} work */
async function silently(work) {
  isBusy = true
  try {
    await work()
  } finally {
    isBusy = false
  }
}

/** @param {Message} message @param {'ok' | 'error'} [kind] */
function notify(message, kind = 'ok') {
  const notice = byId('notice')
  notice.hidden = false
  notice.dataset['kind'] = kind
  notice.replaceChildren(showMessage(message))
}
