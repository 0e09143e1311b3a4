/** The ways in, in Chromium: a link to /connect, the demo on another site without third-party cookies, a plain OAuth library. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page, Request } from 'playwright-core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  ADA,
  answer,
  card,
  chooseAccount,
  disconnectDemo,
  isReady,
  openDemoConsent,
  press,
  tabTo,
} from './support/chromium.ts'
import { stage, useStage } from './support/stage.ts'

let context: BrowserContext
let page: Page

useStage()

afterEach(() => disconnectDemo(page))

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

  it('connects the demo on another site, which needs no session cookie of the broker', async () => {
    const popup = await openDemoConsent(page, 'pick', ADA)
    await answer(popup, 'Continue')
    await isReady(page, 'pick')
    const names = (await context.cookies()).map(({ name }) => name)
    expect(names.filter((name) => name.includes('session'))).toEqual([])
    await page.reload()
    await press(page, 'pick', 'Get a token')
    await card(page, 'pick').getByText('A token of').waitFor()
    const paths = new Set(calls.map((call) => new URL(call.url()).pathname))
    expect(paths).toContain('/token')
    expect(paths).toContain('/session')
    for (const call of calls) expect(await call.headerValue('Cookie')).toBeNull()
  })

  it('shows an approval page that takes no click at once and works with the keyboard, once for a key', async () => {
    const asked: string[] = []
    context.on('request', (request) => {
      if (request.url().includes('approval=')) asked.push(request.url())
    })
    const [popup] = await Promise.all([
      page.waitForEvent('popup'),
      press(page, 'pick', 'Connect pick'),
    ])
    await popup.setViewportSize({ width: 320, height: 600 })
    const link = popup.getByRole('link', { name: 'Continue' })
    await link.waitFor()
    expect(await popup.evaluate(() => document.documentElement.scrollWidth)).toBe(320)
    expect(await link.evaluate(pointerEventsAt, 100)).toBe('none')
    expect(await link.evaluate(pointerEventsAt, 500)).toBe('auto')
    await tabTo(popup, 'Continue')
    await popup.keyboard.press('Enter')
    await chooseAccount(popup, ADA)
    await answer(popup, 'Continue')
    await isReady(page, 'pick')
    expect(asked).toHaveLength(1)
    await answer(await openDemoConsent(page, 'upload', ADA), 'Continue')
    await isReady(page, 'upload')
    expect(asked).toHaveLength(1)
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

describe('a link to /connect', () => {
  beforeEach(async () => {
    ;({ context, page } = await stage.visitDemo('cookie'))
  })

  it('returns with the result in the query, and a session', async () => {
    await page.goto(`${stage.url}/connect?bundle=pick&client=demo&return_to=/`)
    await chooseAccount(page, ADA)
    await page.getByRole('button', { name: 'Continue' }).click()
    await isReady(page, 'pick')
    expect(page.url()).toBe(`${stage.url}/?connect=ok&bundle=pick`)
  })

  it('in a popup, posts the result to the page that opened it and closes', async () => {
    const opened = context.waitForEvent('page')
    await page.evaluate(() => {
      const message = new Promise((resolve) => {
        addEventListener('message', ({ origin, data }) => resolve({ origin, data }), { once: true })
      })
      Object.assign(window, { message })
      window.open('/connect?bundle=pick&client=demo&return_to=/&display=popup', '', 'popup')
    })
    const popup = await opened
    await chooseAccount(popup, ADA)
    await answer(popup, 'Continue')
    expect(await page.evaluate('message')).toEqual({
      origin: stage.url,
      data: { type: 'photos-token-broker', connect: 'ok', bundle: 'pick' },
    })
  })
})

/** Runs in the page: what a link does with a pointer, so many milliseconds after it is shown. */
function pointerEventsAt(link: Element, milliseconds: number): string {
  Object.assign((link as HTMLElement).style, { animation: 'ready .5s paused' })
  const [animation] = link.getAnimations()
  if (animation) animation.currentTime = milliseconds
  return getComputedStyle(link).pointerEvents
}
