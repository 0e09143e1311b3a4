/** This file is the demo page on another site: it shows how things stand, and what came of the last consent. */

import { AuthorizationResponseError } from 'oauth4webapi'
import { createCard } from '../public/demo/card.js'
import { button, byId } from '../public/demo/dom.js'
import { showWords } from '../public/demo/results.js'
import { tellConnectError, tellError } from '../public/demo/words.js'
import { acceptAnswer, requestAuthorization, UnexpectedAnswer } from './authorization.js'
import { disconnect, listBundles, logOut, readSession } from './broker.js'

/** @import { SessionResponse } from '../../protocol.ts' */
/** @import { Card } from '../public/demo/card.js' */
/** @import { Words } from '../public/demo/words.js' */

/** @type {Map<string, Card>} */
const cards = new Map()

/** @type {SessionResponse | undefined} */
let session

const accountActions = [
  account('Log out', logOut, {
    what: 'Logged out. The broker ended this session; what you allowed stays, for the next time you connect.',
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
  await tellOutcome()
  try {
    for (const bundle of await listBundles()) {
      const connect = connectButton(bundle.name)
      cards.set(bundle.name, createCard(bundle, { connect, refresh }))
    }
    byId('bundles').replaceChildren(...[...cards.values()].map(({ root }) => root))
    await refresh()
    addEventListener('focus', () => void refresh()) // another tab may have changed things
  } catch (error) {
    notify(tellError(error), 'error')
  }
}

/** Says what came of a consent, if the user comes from one. */
async function tellOutcome() {
  try {
    const bundle = await acceptAnswer()
    if (bundle) notify({ what: `Connected: the bundle “${bundle}” is ready.` })
  } catch (error) {
    notify(tellAnswer(error), 'error')
  }
}

/**
 * @param {unknown} error
 * @returns {Words}
 */
function tellAnswer(error) {
  if (error instanceof AuthorizationResponseError) return tellConnectError(error.error)
  if (!(error instanceof UnexpectedAnswer)) return tellError(error)
  return {
    what: 'The address held an answer that this page had not asked for, so it was not used.',
    todo: 'If you were connecting, connect again.',
  }
}

/** Shows how things stand now. */
async function refresh() {
  try {
    session = await readSession()
    showAccount()
    for (const [name, card] of cards) card.show(session?.bundles[name])
  } catch (error) {
    notify(tellError(error), 'error')
  }
}

function showAccount() {
  byId('account').textContent = session
    ? `You are connected as the Google account with the id ${session.sub}. The session belongs to a key of this browser.`
    : 'Nobody is connected. Connect a bundle: the first consent begins your session.'
  byId('session').hidden = !session
  byId('session-text').textContent = session ? JSON.stringify(session, null, 2) : ''
  const actions = byId('account-actions')
  if (!session) actions.replaceChildren()
  else if (!actions.hasChildNodes()) actions.append(...accountActions) // moved, a button would lose the focus
}

/**
 * Makes the button that asks for consent: with the account of the session, if there is one.
 *
 * @param {string} bundle
 */
function connectButton(bundle) {
  return button(`Connect ${bundle}`, async () => {
    try {
      await requestAuthorization(bundle, session?.sub)
    } catch (error) {
      notify(tellError(error), 'error')
    }
  })
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
        await refresh()
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
