/** This file is what tests know of the SDK on another site: where it keeps its refresh token, and what it sends. */

import type { Page, Request } from 'playwright-core'

/** Reads the broker's refresh token. */
export function readRefreshToken(page: Page): Promise<string | undefined> {
  return page.evaluate(inStore, undefined)
}

/** Puts a refresh token there that somebody else's browser was given. */
export async function writeRefreshToken(page: Page, value: string): Promise<void> {
  await page.evaluate(inStore, value)
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

/** Runs in the page: reads the token, or writes one. */
async function inStore(value: string | undefined): Promise<string | undefined> {
  const databases = await indexedDB.databases()
  const { name = '' } = databases.find((one) => one.name?.startsWith('photos-token-broker')) ?? {}
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(name)
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const transaction = opening.result.transaction('kept', value ? 'readwrite' : 'readonly')
      const store = transaction.objectStore('kept')
      const request = value ? store.put(value, 'refresh_token') : store.get('refresh_token')
      transaction.onerror = () => reject(transaction.error)
      transaction.oncomplete = () => {
        opening.result.close()
        resolve(request.result as string | undefined)
      }
    }
  })
}
