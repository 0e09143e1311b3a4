/** This file is the demo page on another site: OAuth mode as a person meets it, in a browser without third-party cookies. */

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
  CHIARA,
  card,
  connect,
  notice,
  pickPhotos,
  press,
  says,
  tabTo,
} from './support/chromium.ts'
import { type Demo, startDemo } from './support/demo.ts'
import {
  disconnect,
  inspectStore,
  readRefreshToken,
  watchCalls,
  writeRefreshToken,
} from './support/elsewhere.ts'

let demo: Demo
let elsewhere: string
let context: BrowserContext
let page: Page
let calls: Request[]

beforeAll(async () => {
  demo = await startDemo()
  elsewhere = demo.run.elsewhere
})

afterAll(() => demo?.close())

beforeEach(async () => {
  ;({ context, page } = await demo.visit(`${elsewhere}/`))
  calls = watchCalls(page, demo.url)
})

afterEach(async () => {
  await disconnect(page, elsewhere)
  await demo.leave(page)
})

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

describe('connecting from another site', () => {
  it('comes back with a token, to a clean address, and is still connected after a reload', async () => {
    await says(page, '#account', 'Nobody is connected')
    await connect(page, 'pick', ADA)
    expect(page.url()).toBe(`${elsewhere}/`)
    expect(await notice(page).textContent()).toContain('“pick” is ready')
    await says(page, '#account', '110248495921238986420')
    await press(page, 'pick', 'Get token')
    await card(page, 'pick').getByText('Expires in').waitFor()
    expect(await page.getByRole('timer').textContent()).toMatch(/^5\d min \d\d s$/)
    await page.reload()
    await card(page, 'pick').getByText('Ready since').waitFor()
    await press(page, 'pick', 'Get token')
    await card(page, 'pick').getByText('Expires in').waitFor()
  })

  it('needs no cookie, and leaves none', async () => {
    const brokersCookies = async () =>
      (await context.cookies()).filter(({ name }) => !name.startsWith('simulator_'))
    await askConsent(page, 'pick', ADA)
    expect((await brokersCookies()).length).toBe(1) // for the way to Google and back
    await answer(page, 'Continue')
    await card(page, 'pick').getByText('Ready since').waitFor()
    expect(await brokersCookies()).toEqual([])
    await page.reload()
    await press(page, 'pick', 'Get token')
    await card(page, 'pick').getByText('Expires in').waitFor()
    const paths = new Set(calls.map((call) => new URL(call.url()).pathname))
    expect(paths).toContain('/token')
    expect(paths).toContain('/session')
    for (const call of calls) expect(await call.headerValue('Cookie')).toBeNull()
  })

  it('keeps a key that cannot be exported and a refresh token, and nothing of Google', async () => {
    await connect(page, 'pick', ADA)
    const answered = page.waitForResponse(
      (response) => response.url() === `${demo.url}/token` && response.ok(),
    )
    await press(page, 'pick', 'Get token')
    const { access_token } = await (await answered).json()
    await card(page, 'pick').getByText('Expires in').waitFor()
    expect(await inspectStore(page)).toEqual({
      names: ['key pair', 'refresh token'],
      exports: ['InvalidAccessError', 'InvalidAccessError'],
    })
    const places = await page.evaluate(() => [{ ...localStorage }, { ...sessionStorage }])
    expect(places).toEqual([{}, {}])
    expect(access_token.length).toBeGreaterThan(20)
    expect(await page.content()).not.toContain(access_token)
    expect(await readRefreshToken(page)).not.toContain(access_token)
  })

  it('picks photos with the token', async () => {
    await connect(page, 'pick', ADA)
    const opened = context.waitForEvent('page')
    await press(page, 'pick', 'Choose photos')
    await pickPhotos(await opened, 2)
    const table = page.getByRole('table', { name: '2 chosen' })
    await table.waitFor()
    await page.waitForFunction(
      () => [...document.images].filter(({ naturalWidth }) => naturalWidth > 0).length === 2,
    )
    expect(await table.getByRole('row').nth(1).textContent()).toMatch(/\.\w+.*image\/.*\d+ × \d+/)
  })

  it('adds a second bundle to the same account without asking which, as one session', async () => {
    await connect(page, 'pick', BEN)
    const first = String(await readRefreshToken(page))
    await card(page, 'upload').getByRole('button', { name: 'Connect upload' }).click()
    await answer(page, 'Continue')
    await card(page, 'upload').getByText('Ready since').waitFor()
    await press(page, 'pick', 'Get token')
    await card(page, 'pick').getByText('Expires in').waitFor()
    const second = String(await readRefreshToken(page))
    await writeRefreshToken(page, first)
    await page.reload()
    await says(page, '#account', 'Nobody is connected')
    await writeRefreshToken(page, second)
    await page.reload()
    await card(page, 'upload').getByText('Ready since').waitFor()
  })

  it('works by keyboard alone', async () => {
    await tabTo(page, 'Connect pick')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Choose an account' }).waitFor()
    await tabTo(page, CHIARA)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: /wants/ }).waitFor()
    await tabTo(page, 'Continue')
    await page.keyboard.press('Enter')
    await card(page, 'pick').getByText('Ready since').waitFor()
    await tabTo(page, 'Get token')
    await page.keyboard.press('Enter')
    await page.getByText('Expires in').waitFor()
    await page.keyboard.press('Shift+Tab')
    await tabTo(page, 'Forget')
    await page.keyboard.press('Enter')
    await card(page, 'pick').getByRole('button', { name: 'Connect pick' }).waitFor()
  })
})

describe('when it does not work', () => {
  it('says so when the user denies', async () => {
    await askConsent(page, 'album', BEN)
    await answer(page, 'Cancel')
    await notice(page).getByText('You said no at Google').waitFor()
    expect(page.url()).toBe(`${elsewhere}/`)
    await says(page, '#account', 'Nobody is connected')
  })

  it('says what is missing when a box is left unticked', async () => {
    await askConsent(page, 'album', BEN)
    await page.getByRole('checkbox', { name: 'See the photos' }).uncheck()
    await answer(page, 'Continue')
    await notice(page).getByText('Left unticked at Google').waitFor()
    await card(page, 'album').getByRole('button', { name: 'Connect album' }).waitFor()
  })

  it('says that nothing is lost while Google is out', async () => {
    await connect(page, 'upload', ADA)
    await demo.tellSimulator('__faults', { at: 'api:library.uploads', do: { status: 401 } })
    await demo.tellSimulator('__faults', { at: 'token', do: { status: 503 } })
    await press(page, 'upload', 'Upload a photo')
    await card(page, 'upload').getByText('Nothing was lost').waitFor()
    expect(await card(page, 'upload').textContent()).toMatch(/The broker asks to wait \d+ s/)
    await says(page, '#account', '110248495921238986420')
  })

  it('uploads with another token when Google has just refused the first', async () => {
    await connect(page, 'upload', ADA)
    await demo.tellSimulator('__faults', { at: 'api:library.uploads', do: { status: 401 } })
    await press(page, 'upload', 'Upload a photo')
    await card(page, 'upload').getByText('Uploaded as demo-').waitFor()
    const rejected = calls.map((call) => new URLSearchParams(call.postData() ?? '').get('rejected'))
    expect(rejected).toContainEqual(expect.stringMatching(/^[\w-]{43}$/))
  })

  it('explains that access has ended when the user removed the app at Google', async () => {
    await connect(page, 'upload', BEN)
    await demo.tellSimulator('__accounts/revoke', { account: 'ben.okafor@example.com' })
    await press(page, 'upload', 'Upload a photo')
    await card(page, 'upload')
      .getByText('Access has ended: most likely you removed')
      .first()
      .waitFor()
    await connect(page, 'upload', BEN)
  })

  it('uses no answer that it did not ask for', async () => {
    const iss = encodeURIComponent(demo.url)
    await page.goto(`${elsewhere}/?code=of-somebody-else&state=unasked&iss=${iss}`)
    await notice(page).getByText('had not asked for').waitFor()
    expect(page.url()).toBe(`${elsewhere}/`)
    await askConsent(page, 'pick', ADA)
    await page.goto(`${elsewhere}/?code=of-somebody-else&state=another&iss=${iss}`)
    await notice(page).getByText('had not asked for').waitFor()
    await says(page, '#account', 'Nobody is connected')
    expect(calls.map((call) => call.url())).not.toContain(`${demo.url}/token`)
  })

  it('a copied refresh token is worth nothing with another key', async () => {
    await connect(page, 'pick', ADA)
    const copied = String(await readRefreshToken(page))
    const thief = await demo.visit(`${elsewhere}/`)
    await says(thief.page, '#account', 'Nobody is connected')
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
    await card(page, 'pick').getByText('Ready since').waitFor()
  })
})

describe('ending from another site', () => {
  it('logs out, and the refresh token is over', async () => {
    await connect(page, 'pick', ADA)
    const before = String(await readRefreshToken(page))
    await page.getByRole('button', { name: 'Log out' }).click()
    await notice(page).getByText('Logged out.').waitFor()
    await says(page, '#account', 'Nobody is connected')
    expect(await readRefreshToken(page)).toBeUndefined()
    await writeRefreshToken(page, before)
    await page.reload()
    await says(page, '#account', 'Nobody is connected')
    expect(await readRefreshToken(page)).toBeUndefined()
  })

  it('disconnects, and Google no longer lists the app', async () => {
    await connect(page, 'pick', ADA)
    const connections = await context.newPage()
    await connections.goto(`${demo.run.simulator}/connections`)
    await connections.getByText('Photos token broker demo').first().waitFor()
    await page.getByRole('button', { name: 'Disconnect Google Photos' }).click()
    await notice(page).getByText('Disconnected.').waitFor()
    await says(page, '#account', 'Nobody is connected')
    await connections.reload()
    expect(await connections.getByText('Photos token broker demo').count()).toBe(0)
  })

  it('forgets one bundle and keeps the other', async () => {
    await connect(page, 'pick', ADA)
    await card(page, 'upload').getByRole('button', { name: 'Connect upload' }).click()
    await answer(page, 'Continue')
    await press(page, 'upload', 'Forget')
    await card(page, 'upload').getByRole('button', { name: 'Connect upload' }).waitFor()
    await card(page, 'pick').getByText('Ready since').waitFor()
  })
})
