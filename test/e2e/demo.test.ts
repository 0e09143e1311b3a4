/** This file is the use of what was connected, and its end, on the demo page in a real browser. */

import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ADA, BEN, card, connect, notice, pickPhotos, press, says } from './support/chromium.ts'
import { type Demo, startDemo } from './support/demo.ts'

const PICK = 'https://www.googleapis.com/auth/photospicker.mediaitems.readonly'

let demo: Demo
let context: BrowserContext
let page: Page

beforeAll(async () => {
  demo = await startDemo()
})

afterAll(() => demo?.close())

beforeEach(async () => {
  ;({ context, page } = await demo.visit())
})

afterEach(() => demo.leave(page))

describe('with a token', () => {
  it('shows scope and expiry, and leaves the token nowhere', async () => {
    await connect(page, 'pick', ADA)
    const answered = page.waitForResponse(`${demo.url}/session/token`)
    await press(page, 'pick', 'Get token')
    const { access_token } = await (await answered).json()
    await card(page, 'pick').getByText(PICK).first().waitFor()
    expect(await page.getByRole('timer').textContent()).toMatch(/^5\d min \d\d s$/)
    const places = await page.evaluate(() => ({
      local: { ...localStorage },
      session: { ...sessionStorage },
      cookie: document.cookie,
      url: location.href,
    }))
    expect(places).toEqual({ local: {}, session: {}, cookie: '', url: `${demo.url}/` })
    expect(access_token.length).toBeGreaterThan(20)
    expect(await page.content()).not.toContain(access_token)
    for (const { name, value, httpOnly } of await context.cookies(demo.url)) {
      expect(value).not.toContain(access_token)
      expect([name, httpOnly]).toEqual([name, true])
    }
  })

  it('lists the photos that were picked', async () => {
    await connect(page, 'pick', ADA)
    const opened = context.waitForEvent('page')
    await press(page, 'pick', 'Choose photos')
    await pickPhotos(await opened, 2)
    const table = page.getByRole('table', { name: '2 chosen' })
    await table.waitFor()
    expect(await table.getByRole('row').count()).toBe(3)
    await page.waitForFunction(
      () => [...document.images].filter(({ naturalWidth }) => naturalWidth > 0).length === 2,
    )
    expect(await table.getByRole('row').nth(1).textContent()).toMatch(/\.\w+.*image\/.*\d+ × \d+/)
  })

  it('uploads a photo, also when Google has just refused the token', async () => {
    await connect(page, 'upload', ADA)
    await demo.tellSimulator('__faults', { at: 'api:library.uploads', do: { status: 401 } })
    const asked: unknown[] = []
    page.on('request', (request) => {
      if (request.url().endsWith('/session/token')) asked.push(request.postDataJSON())
    })
    await press(page, 'upload', 'Upload a photo')
    await card(page, 'upload').getByText('Uploaded as demo-').waitFor()
    expect(asked.slice(0, 2)).toEqual([
      { bundle: 'upload' },
      { bundle: 'upload', rejected: expect.stringMatching(/^[\w-]{43}$/) },
    ])
  })

  it('explains that access has ended when the user removed the app at Google', async () => {
    await connect(page, 'upload', BEN)
    await demo.tellSimulator('__accounts/revoke', { account: 'ben.okafor@example.com' })
    await press(page, 'upload', 'Upload a photo')
    await card(page, 'upload')
      .getByText('Access has ended: most likely you removed')
      .first()
      .waitFor()
    await card(page, 'upload').getByRole('link', { name: 'Connect now' }).waitFor()
    await connect(page, 'upload', BEN)
  })
})

describe('ending', () => {
  it('forgets one bundle and keeps the other', async () => {
    await connect(page, 'pick', ADA)
    await connect(page, 'upload', ADA)
    await press(page, 'upload', 'Forget')
    await card(page, 'upload').getByRole('link', { name: 'Connect upload' }).waitFor()
    await card(page, 'pick').getByText('Ready since').waitFor()
  })

  it('disconnects, and Google no longer lists the app', async () => {
    await connect(page, 'pick', ADA)
    const connections = await context.newPage()
    await connections.goto(`${demo.run.simulator}/connections`)
    await connections.getByText('Photos token broker demo').first().waitFor()
    await page.getByRole('button', { name: 'Disconnect Google Photos' }).click()
    await notice(page).getByText('Disconnected.').waitFor()
    await says(page, '#account', 'Nobody is logged in')
    await connections.reload()
    expect(await connections.getByText('Photos token broker demo').count()).toBe(0)
  })

  it('logs out here and elsewhere', async () => {
    await connect(page, 'pick', ADA)
    const elsewhere = await demo.chromium.newContext()
    const there = await elsewhere.newPage()
    await there.goto(demo.url)
    await card(there, 'pick').getByRole('link').click()
    await there.getByRole('button', { name: ADA }).click()
    await card(there, 'pick').getByText('Ready since').waitFor()
    await there.getByRole('button', { name: 'Log out here' }).click()
    await notice(there).getByText('Logged out here').waitFor()
    await page.reload()
    await card(page, 'pick').getByText('Ready since').waitFor()
    await page.getByRole('button', { name: 'Log out everywhere' }).click()
    await notice(page).getByText('Logged out in every browser').waitFor()
    await says(page, '#account', 'Nobody is logged in')
    await connect(page, 'upload', ADA)
    await card(page, 'pick').getByText('Ready since').waitFor()
    await elsewhere.close()
  })
})
