/** A browser without third-party cookies, in Chromium: the demo on another site, and a page with a plain OAuth library. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page, Request } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  ADA,
  answer,
  card,
  chooseAccount,
  disconnectDemo,
  isReady,
  openDemoConsent,
  press,
} from './support/chromium.ts'
import { type Stage, startStage } from './support/stage.ts'

let stage: Stage
let context: BrowserContext
let page: Page

beforeAll(async () => {
  stage = await startStage()
})

afterEach(async () => {
  await disconnectDemo(page)
  await stage.clear()
})

afterAll(() => stage?.close())

describe('a browser without third-party cookies', () => {
  let calls: Request[]

  beforeEach(async () => {
    ;({ context, page } = await stage.visitDemo('oauth'))
    calls = []
    page.on('request', (request) => {
      if (request.resourceType() === 'fetch' && new URL(request.url()).origin === stage.url)
        calls.push(request)
    })
  })

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
    server.closeAllConnections()
    server.close()
    expect(seen.filter((line) => !line.includes('favicon'))).toEqual([
      '/first',
      '/again third=party',
      '/other-site',
      '/called',
    ])
  })

  it('connects the demo on another site, which needs no cookie of the broker and leaves none', async () => {
    const brokersCookies = async () =>
      (await context.cookies()).filter(({ name }) => !name.startsWith('simulator_'))
    const popup = await openDemoConsent(page, 'pick', ADA)
    expect((await brokersCookies()).length).toBe(1) // until the callback
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

  it('connects the page with a plain OAuth library, which opens the picker with the token', async () => {
    await page.getByRole('link', { name: 'The same with a plain OAuth library' }).click()
    await page.getByRole('button', { name: 'Connect photos' }).click()
    await chooseAccount(page, ADA)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('Not connected: access_denied.').waitFor()
    await page.getByRole('button', { name: 'Connect photos' }).click()
    await chooseAccount(page, ADA)
    await page.getByRole('button', { name: 'Continue' }).click()
    const choose = page.getByRole('link', { name: 'Choose photos' })
    await choose.waitFor()
    expect(page.url()).toBe(`${stage.demoAt('oauth')}library/`)
    const [picker] = await Promise.all([context.waitForEvent('page'), choose.click()])
    await picker.getByRole('checkbox').first().waitFor()
    for (const call of calls) expect(await call.headerValue('Cookie')).toBeNull()
  })
})
