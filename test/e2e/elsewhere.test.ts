/** This file is what is particular to a page on another site, in a browser without third-party cookies. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page, Request } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  ADA,
  answer,
  askConsent,
  BEN,
  card,
  chooseAccount,
  connect,
  isReady,
  notice,
  press,
  says,
} from './support/chromium.ts'
import { type Demo, startDemo } from './support/demo.ts'
import { readRefreshToken, watchCalls, writeRefreshToken } from './support/elsewhere.ts'

let demo: Demo
let context: BrowserContext
let page: Page
let calls: Request[]

beforeAll(async () => {
  demo = await startDemo()
})

afterAll(() => demo?.close())

beforeEach(async () => {
  ;({ context, page } = await demo.visit('oauth'))
  calls = watchCalls(page, demo.url)
})

afterEach(() => demo.leave(page))

describe('a browser without third-party cookies', () => {
  it('sends none when one site calls another', async () => {
    const seen: string[] = []
    const server = createServer(({ headers, url }, response) => {
      seen.push(`${url} ${headers.cookie ?? ''}`.trim())
      response.setHeader('Set-Cookie', 'third=party; SameSite=None; Secure; Path=/').end('page')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const visitor = await context.newPage()
    await visitor.goto(`http://localhost:${port}/first`)
    await visitor.goto(`http://localhost:${port}/again`)
    await visitor.goto(`http://127.0.0.1:${port}/other-site`)
    await visitor.evaluate(
      (address) => fetch(address, { mode: 'no-cors', credentials: 'include' }).then(() => {}),
      `http://localhost:${port}/called`,
    )
    await visitor.close()
    server.closeAllConnections()
    server.close()
    expect(seen.filter((line) => !line.includes('favicon'))).toEqual([
      '/first',
      '/again third=party',
      '/other-site',
      '/called',
    ])
  })
})

describe('the demo on another site', () => {
  it('needs no cookie of the broker, and leaves none', async () => {
    const brokersCookies = async () =>
      (await context.cookies()).filter(({ name }) => !name.startsWith('simulator_'))
    const popup = await askConsent(page, 'pick', ADA)
    expect((await brokersCookies()).length).toBe(1) // for the way to Google and back
    await answer(popup, 'Continue')
    await isReady(page, 'pick')
    expect(await brokersCookies()).toEqual([])
    await page.reload()
    await press(page, 'pick', 'Get a token')
    await card(page, 'pick').getByText('A token of').waitFor()
    const paths = new Set(calls.map((call) => new URL(call.url()).pathname))
    expect(paths).toContain('/token')
    expect(paths).toContain('/session')
    for (const call of calls) expect(await call.headerValue('Cookie')).toBeNull()
  })

  it('serves all bundles with one refresh token', async () => {
    await connect(page, 'pick', BEN)
    await connect(page, 'upload', BEN)
    await page.reload()
    for (const bundle of ['pick', 'upload']) {
      await press(page, bundle, 'Get a token')
      await card(page, bundle).getByText('A token of').waitFor()
    }
  })

  it('copied, its refresh token is worth nothing with another key (RFC 9449 §5)', async () => {
    await connect(page, 'pick', ADA)
    const copied = String(await readRefreshToken(page))
    const thief = await demo.visit('oauth')
    await writeRefreshToken(thief.page, copied)
    const refused = thief.page.waitForResponse(async (response) => {
      if (response.url() !== `${demo.url}/token` || response.status() !== 400) return false
      return (await response.json()).error !== 'use_dpop_nonce'
    })
    await thief.page.reload()
    expect((await (await refused).json()).error).toBe('invalid_grant')
    await says(thief.page, '#account', 'Nobody is connected')
    await thief.context.close()
    await page.reload()
    await isReady(page, 'pick')
  })

  it('signed out, its refresh token is over', async () => {
    await connect(page, 'pick', ADA)
    const before = String(await readRefreshToken(page))
    await page.getByRole('button', { name: 'Sign out' }).click()
    await notice(page).getByText('Signed out, in every tab').waitFor()
    expect(await readRefreshToken(page)).toBeUndefined()
    await writeRefreshToken(page, before)
    await page.reload()
    await says(page, '#account', 'Nobody is connected')
    expect(await readRefreshToken(page)).toBeUndefined()
  })
})

describe('the page with a plain OAuth library', () => {
  it('connects, and picks photos with the token', async () => {
    await page.getByRole('link', { name: 'The same with a plain OAuth library' }).click()
    await page.getByRole('button', { name: 'Connect photos' }).click()
    await chooseAccount(page, ADA)
    await page.getByRole('button', { name: 'Continue' }).click()
    const choose = page.getByRole('link', { name: 'Choose photos' })
    await choose.waitFor()
    expect(page.url()).toBe(`${demo.pageAt('oauth')}library/`)
    const [picker] = await Promise.all([context.waitForEvent('page'), choose.click()])
    await picker.getByRole('checkbox').first().waitFor()
    for (const call of calls) expect(await call.headerValue('Cookie')).toBeNull()
  })

  it('says so when the user denies', async () => {
    await page.goto(`${demo.pageAt('oauth')}library/`)
    await page.getByRole('button', { name: 'Connect photos' }).click()
    await chooseAccount(page, BEN)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('Not connected: access_denied.').waitFor()
  })
})
