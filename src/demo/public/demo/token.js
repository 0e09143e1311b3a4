/** The smallest use of a bundle: it gets a token. */

import { broker } from './broker.js'
import { element } from './dom.js'

/** @import { Bundle, Surface } from './card.js' */

/** Makes the button that gets a token. @param {Bundle} bundle @param {Surface} surface */
export function createToken({ name }, { report, showResult }) {
  const work = async () => {
    report('Asking for a token …')
    showResult(showToken(await broker.token(name)))
  }
  return [{ label: 'Get a token', kind: 'quiet', work }]
}

/** Shows the length of a token and its first characters. @param {string} token */
function showToken(token) {
  const masked = `${token.slice(0, 5)}${'•'.repeat(12)}`
  return element(
    'p',
    { class: 'token' },
    `A token of ${token.length} characters, for at least five minutes: `,
    element('code', {}, masked),
  )
}
