/** This file is the smallest use of a bundle: a token, and nothing else. */

import { broker } from './broker.js'
import { element } from './dom.js'

/** @import { Bundle, Surface } from './card.js' */

/** @param {Bundle} bundle @param {Surface} surface */
export function createToken({ name }, { tell, show }) {
  const work = async () => {
    tell('Asking for a token …')
    show(showToken(await broker.token(name)))
  }
  return [{ label: 'Get a token', kind: 'quiet', work }]
}

/**
 * Shows a token without giving it away.
 *
 * @param {string} token
 */
function showToken(token) {
  const masked = `${token.slice(0, 5)}${'•'.repeat(12)}`
  return element(
    'p',
    { class: 'token' },
    `A token of ${token.length} characters, for at least five minutes: `,
    element('code', {}, masked),
  )
}
