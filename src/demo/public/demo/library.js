/** The broker used with a plain OAuth library, as one more authorization server. */

import * as oauth from 'oauth4webapi'
import { byId, element } from './dom.js'

const { broker: issuer = '', client: client_id = '', pickerApi } = document.documentElement.dataset
const as = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
}
/** @type {oauth.Client} */
const client = { client_id }
const redirect_uri = location.origin + location.pathname

byId('connect').addEventListener('click', () => void begin())
byId('connect').removeAttribute('disabled') // until now a click would have been lost
if (location.search.includes('state=')) finish().then(showPicker, showError)

/** Sends the user to the broker; RFC 6749 §4.1.1, RFC 7636 §4.3. */
async function begin() {
  const [state, verifier] = [oauth.generateRandomState(), oauth.generateRandomCodeVerifier()]
  Object.assign(sessionStorage, { state, verifier }) // read when the user comes back
  const code_challenge = await oauth.calculatePKCECodeChallenge(verifier)
  const query = {
    ...{ response_type: 'code', client_id, redirect_uri, scope: 'pick' },
    ...{ state, code_challenge, code_challenge_method: 'S256' },
  }
  location.assign(`${as.authorization_endpoint}?${new URLSearchParams(query)}`)
}

/**
 * Exchanges the code with a DPoP proof; RFC 6749 §4.1.3, RFC 9449 §5.
 *
 * @returns {Promise<string>} Google's access token
 */
async function finish() {
  const { state = '', verifier = '' } = sessionStorage
  const url = new URL(location.href)
  sessionStorage.clear()
  history.replaceState(null, '', redirect_uri)
  const parameters = oauth.validateAuthResponse(as, client, url, state)
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
  const options = { DPoP, [oauth.allowInsecureRequests]: true } // a broker on this machine has no https
  const exchange = async () =>
    oauth.processAuthorizationCodeResponse(
      as,
      client,
      await oauth.authorizationCodeGrantRequest(
        ...[as, client, oauth.None(), parameters, redirect_uri, verifier, options],
      ),
    )
  const { access_token } = await exchange().catch(exchange) // once more with the broker's nonce
  return access_token
}

/** Opens a picker session, and shows a link to it. @param {string} access_token */
async function showPicker(access_token) {
  const call = { method: 'POST', headers: { Authorization: `Bearer ${access_token}` } }
  const { pickerUri } = await (await fetch(`${pickerApi}/v1/sessions`, call)).json()
  const attributes = { class: 'button', href: pickerUri, target: '_blank', rel: 'noopener' }
  byId('actions').append(element('a', attributes, 'Choose photos'))
  byId('outcome').textContent = 'Connected. The token is only in the memory of this page.'
}

/** @param {{ error?: string, message: string }} error an OAuth error has a code; RFC 6749 §4.1.2.1 */
function showError({ error, message }) {
  byId('outcome').textContent = `Not connected: ${error ?? message}.`
}
