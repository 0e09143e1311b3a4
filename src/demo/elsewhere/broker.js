/** This file is the broker as this page calls it: the everyday half of OAuth mode, with a refresh token and a key. */

import * as oauth from 'oauth4webapi'
import { sha256 } from '../public/demo/digest.js'
import { BrokerError } from '../public/demo/errors.js'
import { ask, BROKER, client, errorOf, prepare } from './oauth.js'
import { readRefreshToken, replaceRefreshToken } from './store.js'

/** @import { TokenEndpointResponse } from 'oauth4webapi' */
/** @import { BundlesResponse, MediaResponse, SessionResponse, TokenResponse } from '../../protocol.ts' */

/** The reserved scope of a token for the broker's own calls. */
const BROKER_SCOPE = 'broker'

/** With less life than this a held token is not used any more. */
const MIN_TTL_SECONDS = 300

/** What a session that is over looks like: to the token endpoint, and to all others. */
const OVER = ['invalid_grant', 'login_required']

const JSON_HEADERS = new Headers({ 'Content-Type': 'application/json' })

/** @type {Map<string, { token: TokenEndpointResponse, expires_at: number }>} by scope; nowhere but here */
const held = new Map()

/** @returns {Promise<BundlesResponse['bundles']>} what may be asked for */
export async function listBundles() {
  const response = await fetch(`${BROKER}/bundles`)
  if (!response.ok) throw await errorOf(response)
  return (await response.json()).bundles
}

/** @returns {Promise<SessionResponse | undefined>} `undefined` when nobody is connected */
export async function readSession() {
  if ((await readRefreshToken()) === undefined) return undefined
  try {
    return await (await call('GET', '/session')).json()
  } catch (error) {
    if (isOver(error)) return undefined
    throw error
  }
}

/**
 * Gives an access token, as the page's uses of it know one.
 *
 * @param {string} bundle
 * @param {string} [rejected] an access token that Google has just refused
 * @returns {Promise<TokenResponse>}
 */
export async function getToken(bundle, rejected) {
  const { access_token, expires_in, google_scope } = await tokenFor(bundle, rejected)
  return { access_token, token_type: 'Bearer', expires_in, scope: String(google_scope), bundle }
}

/**
 * Gets addresses at which the page can show media, which it can neither fetch nor show by itself.
 *
 * @param {string} bundle
 * @param {readonly string[]} urls of Google's media hosts; at most 100
 * @returns {Promise<string[]>}
 */
export async function mediaSources(bundle, urls) {
  const response = await call('POST', '/media', { bundle, urls })
  /** @type {MediaResponse} */
  const { media } = await response.json()
  return media.map(({ url }) => url)
}

/** @param {string} bundle */
export async function forgetBundle(bundle) {
  await call('DELETE', `/grants/${bundle}`)
  held.delete(bundle)
}

/** Ends everything: at Google, at the broker and here. */
export async function disconnect() {
  const refresh_token = await readRefreshToken()
  await call('DELETE', '/grants')
  if (refresh_token !== undefined) await replaceRefreshToken(refresh_token)
  held.clear()
}

/** Ends the session of this browser. */
export async function logOut() {
  const refresh_token = await readRefreshToken()
  if (refresh_token === undefined) return
  await revoke(refresh_token)
  await replaceRefreshToken(refresh_token)
}

/**
 * Gives a refresh token back to the broker; RFC 7009.
 *
 * @param {string} refresh_token
 */
export async function revoke(refresh_token) {
  held.clear()
  const { as, options } = await prepare()
  await ask(async () =>
    oauth.processRevocationResponse(
      await oauth.revocationRequest(as, client, oauth.None(), refresh_token, options),
    ),
  )
}

/**
 * Calls the broker with a token of its own, which is good only with a proof of this browser's key.
 *
 * @param {string} method
 * @param {string} path
 * @param {object} [json]
 * @returns {Promise<Response>}
 */
async function call(method, path, json) {
  const { access_token } = await tokenFor(BROKER_SCOPE)
  const { options } = await prepare()
  const url = new URL(BROKER + path)
  try {
    return await ask(async () => {
      const response = await oauth.protectedResourceRequest(
        ...[access_token, method, url, JSON_HEADERS, json && JSON.stringify(json), options],
      )
      if (!response.ok) throw await errorOf(response)
      return response
    })
  } catch (error) {
    if (isOver(error)) held.clear()
    throw error
  }
}

/**
 * @param {string} scope
 * @param {string} [rejected]
 * @returns {Promise<TokenEndpointResponse & { expires_in: number }>} seconds from now
 */
async function tokenFor(scope, rejected) {
  const entry = held.get(scope)
  const left = Math.floor(((entry?.expires_at ?? 0) - Date.now()) / 1000)
  if (entry && rejected === undefined && left > MIN_TTL_SECONDS)
    return { ...entry.token, expires_in: left }
  const more = rejected === undefined ? {} : { rejected: await sha256(rejected) }
  const token = await refresh({ scope, ...more })
  const { expires_in = 0 } = token
  held.set(scope, { token, expires_at: Date.now() + expires_in * 1000 })
  return { ...token, expires_in }
}

/**
 * Asks for an access token; RFC 6749 §6.
 *
 * @param {Record<string, string>} parameters
 * @returns {Promise<TokenEndpointResponse>}
 */
async function refresh(parameters) {
  const refresh_token = await readRefreshToken()
  if (refresh_token === undefined) throw loginRequired()
  try {
    const answer = await send(refresh_token, parameters)
    await replaceRefreshToken(refresh_token, answer.refresh_token ?? refresh_token)
    return answer
  } catch (error) {
    if (!isOver(error)) throw error
    held.clear()
    await replaceRefreshToken(refresh_token)
    if ((await readRefreshToken()) === undefined) throw error
    return refresh(parameters) // with that of a consent in another tab
  }
}

/**
 * @param {string} refresh_token
 * @param {Record<string, string>} additionalParameters
 */
async function send(refresh_token, additionalParameters) {
  const { as, options } = await prepare()
  return ask(async () =>
    oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, oauth.None(), refresh_token, {
        ...options,
        additionalParameters,
      }),
    ),
  )
}

/** @param {unknown} error */
function isOver(error) {
  return error instanceof BrokerError && OVER.includes(error.answer.error)
}

/** What the broker would say, had it been asked. */
function loginRequired() {
  return new BrokerError({ error: 'login_required', error_description: '', request_id: 'none' })
}
