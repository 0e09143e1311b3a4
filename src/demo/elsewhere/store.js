/** This file is what this browser keeps of a session: a key that no script can read, and the broker's refresh token. */

import { generateKeyPair } from 'oauth4webapi'

const STORE = 'session'
const KEY_PAIR = 'key pair'
const REFRESH_TOKEN = 'refresh token'

/** @type {Promise<IDBDatabase>} */
const database = new Promise((resolve, reject) => {
  const opening = indexedDB.open('photos-token-broker', 1)
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE)
  opening.onsuccess = () => resolve(opening.result)
  opening.onerror = () => reject(opening.error)
})

/**
 * Gives the key of this browser; the first call makes it.
 *
 * It stays when a session ends: by itself it opens nothing, and another tab may be asking for consent with it.
 *
 * @returns {Promise<CryptoKeyPair>} its private part can sign, and cannot be exported
 */
export async function keyPair() {
  const kept = await settle((await objects('readonly')).get(KEY_PAIR))
  if (kept) return kept
  const made = await generateKeyPair('ES256', { extractable: false })
  const store = await objects('readwrite')
  const others = await settle(store.get(KEY_PAIR)) // another tab was faster
  if (others) return others
  await settle(store.put(made, KEY_PAIR))
  return made
}

/** @returns {Promise<string | undefined>} */
export async function readRefreshToken() {
  return settle((await objects('readonly')).get(REFRESH_TOKEN))
}

/** @param {string} refresh_token */
export async function keepRefreshToken(refresh_token) {
  await settle((await objects('readwrite')).put(refresh_token, REFRESH_TOKEN))
}

/**
 * Puts one refresh token in the place of another, unless another tab did so first.
 *
 * @param {string} before
 * @param {string} [after] left out: none
 */
export async function replaceRefreshToken(before, after) {
  const store = await objects('readwrite')
  if ((await settle(store.get(REFRESH_TOKEN))) !== before) return
  if (after === undefined) await settle(store.delete(REFRESH_TOKEN))
  else await settle(store.put(after, REFRESH_TOKEN))
}

/** @param {IDBTransactionMode} mode */
async function objects(mode) {
  return (await database).transaction(STORE, mode).objectStore(STORE)
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function settle(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
