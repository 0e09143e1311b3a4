/** This file is what tests know of the demo page on another site: where it keeps things, and what it sends. */

import type { Page, Request } from 'playwright-core'
import { notice } from './chromium.ts'

/** What the page keeps in IndexedDB. */
const KEY_PAIR = 'key pair'
const REFRESH_TOKEN = 'refresh token'

/** Reads the broker's refresh token. */
export function readRefreshToken(page: Page): Promise<string | undefined> {
  return page.evaluate(inStore, { mode: 'readonly', name: REFRESH_TOKEN } as const)
}

/** Puts a refresh token there that somebody else's browser was given. */
export async function writeRefreshToken(page: Page, value: string): Promise<void> {
  await page.evaluate(inStore, { mode: 'readwrite', name: REFRESH_TOKEN, value } as const)
}

/** Names of everything that is kept, and of whatever came of exporting the key. */
export async function inspectStore(page: Page): Promise<{ names: string[]; exports: string[] }> {
  return {
    names: await page.evaluate(namesInStore),
    exports: await page.evaluate(exportKey, KEY_PAIR),
  }
}

/** Collects the requests that scripts of a page send to an origin. */
export function watchCalls(page: Page, origin: string): Request[] {
  const calls: Request[] = []
  page.on('request', (request) => {
    if (request.resourceType() === 'fetch' && new URL(request.url()).origin === origin)
      calls.push(request)
  })
  return calls
}

/** Goes back to the page and ends what it is connected to, if it is. */
export async function disconnect(page: Page, address: string): Promise<void> {
  await page.goto(address)
  const end = page.getByRole('button', { name: 'Disconnect Google Photos' })
  const nobody = page.getByText('Nobody is connected')
  await end.or(nobody).first().waitFor()
  if (await nobody.isVisible()) return
  await end.click()
  await notice(page).getByText('Disconnected.').waitFor()
}

/** Runs in the page: reads or writes one value. */
function inStore(asked: {
  mode: IDBTransactionMode
  name: string
  value?: string
}): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('photos-token-broker')
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const database = opening.result
      const transaction = database.transaction('session', asked.mode)
      const store = transaction.objectStore('session')
      const { name, value } = asked
      const request = value === undefined ? store.get(name) : store.put(value, name)
      transaction.onerror = () => reject(transaction.error)
      transaction.oncomplete = () => {
        database.close()
        resolve(request.result as string | undefined)
      }
    }
  })
}

/** Runs in the page. */
function namesInStore(): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('photos-token-broker')
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const keys = opening.result.transaction('session').objectStore('session').getAllKeys()
      keys.onsuccess = () => resolve(keys.result.map(String))
    }
  })
}

/** Runs in the page: tries to get at the private key, in every form there is. */
function exportKey(name: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('photos-token-broker')
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const reading = opening.result.transaction('session').objectStore('session').get(name)
      reading.onsuccess = () => {
        const { privateKey } = reading.result as CryptoKeyPair
        const tries = (['jwk', 'pkcs8'] as const).map((format) =>
          crypto.subtle.exportKey(format, privateKey).then(
            () => 'exported',
            (error: Error) => error.name,
          ),
        )
        resolve(Promise.all(tries))
      }
    }
  })
}
