/** This file is Google's two Photos APIs as the page calls them, with a token of the broker for each call. */

import { getToken } from './broker.js'

const { pickerApi, libraryApi } = document.documentElement.dataset

/** Base addresses, from the page: Google's own, or the simulator's. */
export const PICKER_API = `${pickerApi}/v1`
export const LIBRARY_API = `${libraryApi}/v1`

/** An answer of Google that is an error. */
export class GoogleError extends Error {
  /**
   * @param {number} status
   * @param {string} reason such as `PERMISSION_DENIED`
   */
  constructor(status, reason) {
    super(reason)
    this.status = status
  }
}

/**
 * Calls an API with a token of a bundle.
 *
 * Google may have withdrawn a token before its time. Then the broker is told which one was refused, and gets
 * another; once, since a second refusal has another cause.
 *
 * @param {string} bundle
 * @param {string} url
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
export async function callGoogle(bundle, url, init) {
  const { access_token } = await getToken(bundle)
  const first = await send(url, access_token, init)
  const response =
    first.status === 401
      ? await send(url, (await getToken(bundle, access_token)).access_token, init)
      : first
  if (response.ok) return response
  throw new GoogleError(response.status, await reasonOf(response))
}

/**
 * Calls an API with a JSON body.
 *
 * @param {string} bundle
 * @param {string} url
 * @param {object} body
 */
export async function postJson(bundle, url, body) {
  const headers = { 'Content-Type': 'application/json' }
  const init = { method: 'POST', headers, body: JSON.stringify(body) }
  return (await callGoogle(bundle, url, init)).json()
}

/**
 * @param {string} url
 * @param {string} access_token
 * @param {RequestInit} [init]
 */
function send(url, access_token, init) {
  return fetch(url, {
    ...init,
    headers: { ...init?.headers, Authorization: `Bearer ${access_token}` },
  })
}

/**
 * @param {Response} response
 * @returns {Promise<string>}
 */
async function reasonOf(response) {
  try {
    return (await response.json()).error.status
  } catch {
    return response.statusText
  }
}
