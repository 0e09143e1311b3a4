/** This file is asking for consent: away to the broker with state and PKCE, and back with a code that is redeemed. */

import * as oauth from 'oauth4webapi'
import { revoke } from './broker.js'
import { ask, client, prepare } from './oauth.js'
import { keepRefreshToken, readRefreshToken } from './store.js'

/** Where the broker sends the user back to; one of `redirect_uris` of this client. */
const REDIRECT_URI = `${location.origin}/`

/** Where the request waits for its answer: in this tab, and no longer than it lives. */
const PENDING = 'authorization request'

/** An answer in the address that this tab did not ask for. */
export class UnexpectedAnswer extends Error {}

/**
 * Sends the user to the broker; RFC 6749 §4.1.1.
 *
 * @param {string} bundle
 * @param {string} [login_hint] the account to ask for
 */
export async function requestAuthorization(bundle, login_hint) {
  const { as, options } = await prepare()
  const code_verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  sessionStorage.setItem(PENDING, JSON.stringify({ bundle, state, code_verifier }))
  const parameters = {
    ...{ response_type: 'code', client_id: client.client_id, redirect_uri: REDIRECT_URI },
    ...{ scope: bundle, state, ...(login_hint ? { login_hint } : {}) },
    code_challenge: await oauth.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: 'S256',
    dpop_jkt: await options.DPoP.calculateThumbprint(), // whoever steals the code lacks the key
  }
  location.assign(`${as.authorization_endpoint}?${new URLSearchParams(parameters)}`)
}

/**
 * Redeems the code that the user came back with, if any; RFC 6749 §4.1.3.
 *
 * @returns {Promise<string | undefined>} the bundle that was connected
 * @throws {oauth.AuthorizationResponseError} the answer is an error
 * @throws {UnexpectedAnswer} the answer is another's
 */
export async function acceptAnswer() {
  const url = new URL(location.href)
  if (!url.searchParams.has('state')) return undefined
  history.replaceState(history.state, '', REDIRECT_URI) // a code works once: a reload is not another outcome
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? 'null')
  sessionStorage.removeItem(PENDING)
  if (!pending) throw new UnexpectedAnswer()
  const answer = await redeem(url, pending)
  const before = await readRefreshToken()
  await keepRefreshToken(String(answer.refresh_token))
  // One session for one browser; if this fails, the old one ends by itself, unused.
  if (before !== undefined) await revoke(before).catch(() => {})
  return pending.bundle
}

/**
 * @param {URL} url
 * @param {{ state: string, code_verifier: string }} pending
 */
async function redeem(url, { state, code_verifier }) {
  const { as, options } = await prepare()
  const parameters = validate(as, url, state)
  return ask(async () =>
    oauth.processAuthorizationCodeResponse(
      as,
      client,
      await oauth.authorizationCodeGrantRequest(
        ...[as, client, oauth.None(), parameters, REDIRECT_URI, code_verifier, options],
      ),
    ),
  )
}

/**
 * Checks `state` and `iss`: somebody else's code would connect somebody else's photos.
 *
 * @param {oauth.AuthorizationServer} as
 * @param {URL} url
 * @param {string} state
 */
function validate(as, url, state) {
  try {
    return oauth.validateAuthResponse(as, client, url, state)
  } catch (error) {
    throw error instanceof oauth.AuthorizationResponseError ? error : new UnexpectedAnswer()
  }
}
