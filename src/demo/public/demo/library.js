/** This file is the broker as any OAuth library sees it: one more authorization server, and no SDK. */

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
if (location.search.includes('state=')) finish().then(choose, tell)

/** Sends the user to the broker; RFC 6749 §4.1.1, RFC 7636 §4.3. */
async function begin() {
  const [state, verifier] = [oauth.generateRandomState(), oauth.generateRandomCodeVerifier()]
  Object.assign(sessionStorage, { state, verifier }) // for when the user is back
  const code_challenge = await oauth.calculatePKCECodeChallenge(verifier)
  const query = {
    ...{ response_type: 'code', client_id, redirect_uri, scope: 'pick' },
    ...{ state, code_challenge, code_challenge_method: 'S256' },
  }
  location.assign(`${as.authorization_endpoint}?${new URLSearchParams(query)}`)
}

/**
 * Redeems the code that came back, with the proof of a key made for it; RFC 6749 §4.1.3, RFC 9449 §5.
 *
 * @returns {Promise<string>} Google's access token, held by nobody but its user here
 */
async function finish() {
  const { state = '', verifier = '' } = sessionStorage
  const url = new URL(location.href)
  sessionStorage.clear()
  history.replaceState(null, '', redirect_uri)
  const parameters = oauth.validateAuthResponse(as, client, url, state)
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
  const options = { DPoP, [oauth.allowInsecureRequests]: true } // a broker on this machine has no https
  const redeem = async () =>
    oauth.processAuthorizationCodeResponse(
      as,
      client,
      await oauth.authorizationCodeGrantRequest(
        ...[as, client, oauth.None(), parameters, redirect_uri, verifier, options],
      ),
    )
  const { access_token } = await redeem().catch(redeem) // again: now with the broker's nonce
  return access_token
}

/** @param {string} access_token */
async function choose(access_token) {
  const call = { method: 'POST', headers: { Authorization: `Bearer ${access_token}` } }
  const { pickerUri } = await (await fetch(`${pickerApi}/v1/sessions`, call)).json()
  const attributes = { class: 'button', href: pickerUri, target: '_blank', rel: 'noopener' }
  byId('actions').append(element('a', attributes, 'Choose photos'))
  byId('outcome').textContent = 'Connected, with a token in the memory of this page only.'
}

/** @param {{ error?: string, message: string }} error an OAuth error has a code; RFC 6749 §4.1.2.1 */
function tell({ error, message }) {
  byId('outcome').textContent = `Not connected: ${error ?? message}.`
}
