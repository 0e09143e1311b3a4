/** What tests do on the page with the SDK. */

import type { Page, Request } from 'playwright-core'
import type { Broker } from '../../../src/client/index.ts'

declare const broker: Broker

/** Gets a token; @returns it, or `error` and the code of the error */
export const getToken = (page: Page, bundle = 'pick'): Promise<string> =>
  page.evaluate((name) => broker.token(name).catch((error) => `error ${error.code}`), bundle)

/** Collects the requests for tokens that a page sends. */
export function watchTokens(page: Page): Request[] {
  const requests: Request[] = []
  page.on('request', (request) => {
    const { pathname } = new URL(request.url())
    const isRefresh = request.postData()?.includes('grant_type=refresh_token&') ?? false
    if (request.method() === 'POST' && (pathname === '/session/token' || isRefresh))
      requests.push(request)
  })
  return requests
}

/** Creates a picker session with `broker.fetch`; @returns the status of the answer */
export const createPickerSession = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const url = `${(await broker.apis()).picker}/v1/sessions`
    return (await broker.fetch('pick', url, { method: 'POST' })).status
  })

/** The connected account, as the broker reports it. */
export const whoIs = (page: Page): Promise<string> =>
  page.evaluate(async () => (await broker.session()).sub)

/** Lets the next consent ask for the account. */
export const prepareAccountChoice = (page: Page): Promise<object> =>
  page.evaluate(() => Object.assign(window, { options: { selectAccount: true } }))

/** Opens the page in another tab of its browser; `script` runs in it before anything else. */
export async function openTab(page: Page, script?: () => void): Promise<Page> {
  const tab = await page.context().newPage()
  if (script) await tab.addInitScript(script)
  await tab.goto(page.url())
  await tab.waitForFunction('window.broker')
  return tab
}

/** Loads the page again, which then has no token. */
export async function reload(page: Page): Promise<void> {
  await page.reload()
  await page.waitForFunction('window.broker')
}

/** Runs in the page: keeps messages of other tabs back until `deliver` is called. */
export function holdMessages(): void {
  const delivered = Promise.withResolvers<void>()
  Object.assign(window, { deliver: delivered.resolve })
  for (const target of [BroadcastChannel.prototype, window]) {
    const listen = target.addEventListener as EventTarget['addEventListener']
    const hold = function (this: EventTarget, type: string, listener: (event: Event) => void) {
      const isHeld = type === 'message'
      const later = (event: Event) => void delivered.promise.then(() => listener(event))
      listen.call(this ?? window, type, isHeld ? later : listener)
    }
    Object.assign(target, { addEventListener: hold })
  }
}

/** Runs in the page: every storage, with its keys, and every global, as text. */
export async function dumpEverything(): Promise<string> {
  const done = <T>(request: IDBRequest<T>): Promise<T> =>
    new Promise((resolve) => {
      request.onsuccess = () => resolve(request.result)
    })
  const parts: unknown[] = [{ ...localStorage }, { ...sessionStorage }, location.href]
  parts.push(document.cookie, JSON.stringify(broker), history.state, ...(await caches.keys()))
  for (const { name = '' } of await indexedDB.databases()) {
    const database = await done(indexedDB.open(name))
    for (const table of database.objectStoreNames) {
      const store = database.transaction(table).objectStore(table)
      parts.push(await done(store.getAllKeys()), await done(store.getAll()))
    }
    database.close()
  }
  const globals = Object.entries(window).filter(([, value]) => typeof value === 'string')
  return JSON.stringify([parts, globals])
}
