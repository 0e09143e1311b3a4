/** Tests of the approval page: before Google, the user is told which app asks, unless this key was approved before. */

import { describe, expect, it } from 'vitest'
import { the } from '../support/broker.ts'
import type { Browser, Page } from '../support/browser.ts'
import { configureClients, type Frontend, gallery, openFrontend } from '../support/frontend.ts'
import { frontend, google, stageOAuthMode } from '../support/oauth-mode.ts'
import { GOOGLE } from '../support/simulated-google.ts'
import { later } from '../support/story.ts'

stageOAuthMode()

const isOutside = ({ origin }: URL): boolean => origin !== the.url
const CROSS_SITE = { headers: { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'document' } }

/** A browser whose user has not decided yet. */
function undecided(): Browser {
  const browser = google.browse()
  browser.approves = false
  return browser
}

/** Begins an authorization from another site. */
async function begin(browser: Browser, who: Frontend, parameters = {}): Promise<Page> {
  return browser.visit(await who.authorizeUrl('pick', parameters), CROSS_SITE, isOutside)
}

/** Follows a link of the page. */
async function follow(browser: Browser, page: Page, text: string): Promise<Page> {
  const [, href = ''] = new RegExp(`href="([^"]*)">${text}`).exec(page.text) ?? []
  const init = { headers: { 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Dest': 'document' } }
  return browser.visit(new URL(href.replaceAll('&amp;', '&'), page.url), init, isOutside)
}

describe('the page', () => {
  it('names the app, its origin, its reason and what it can do, without a script (TMB-91)', async () => {
    const client = { origins: [gallery.origin], redirect_uris: [gallery.redirect_uri] }
    configureClients({ gallery: { ...client, name: 'Ada’s “Gallery” <1>' } })
    const { response, text, url } = await begin(undecided(), frontend)
    expect([response.status, url.origin]).toEqual([200, the.url])
    expect(text).toContain('Ada’s “Gallery” &lt;1&gt;')
    expect(text).toContain(gallery.origin)
    expect(text).toContain('Choose photos to show in this app')
    expect(text).toContain('See the photos and videos that you pick')
    expect(text).not.toContain('<script')
    expect(response.headers.get('Content-Security-Policy')).toMatch(/frame-ancestors 'none'/)
    expect(response.headers.get('Content-Security-Policy')).not.toMatch(/script-src/)
    expect(response.headers.get('Cross-Origin-Opener-Policy')).toBe('unsafe-none')
    expect(google.calls('token')).toBe(0)
  })

  it('names the app by its id if it has no name', async () => {
    expect((await begin(undecided(), frontend)).text).toContain('<bdi>gallery</bdi>')
  })

  it('goes on to Google with Continue', async () => {
    const browser = undecided()
    const { url } = await follow(browser, await begin(browser, frontend), 'Continue')
    expect(url.origin).toBe(GOOGLE)
  })

  it.each(['query', 'fragment'])('answers access_denied by %s with Not now', async (mode) => {
    const browser = undecided()
    const page = await begin(browser, frontend, { response_mode: mode })
    const { url } = await follow(browser, page, 'Not now')
    const answer = mode === 'query' ? url.searchParams : new URLSearchParams(url.hash.slice(1))
    expect(`${url.origin}${url.pathname}`).toBe(gallery.redirect_uri)
    expect(Object.fromEntries(answer)).toMatchObject({
      error: 'access_denied',
      error_description: 'The user refused.',
      state: 'state-of-the-frontend',
      iss: the.url,
    })
  })

  it('can be answered for ten minutes', async () => {
    const browser = undecided()
    const page = await begin(browser, frontend)
    later(599)
    expect((await follow(browser, page, 'Continue')).url.origin).toBe(GOOGLE)
    later(2)
    const late = await follow(browser, page, 'Continue')
    expect(late.response.status).toBe(400)
    expect(late.text).toContain('older than ten minutes')
  })

  it('can be open in two tabs', async () => {
    const browser = undecided()
    const first = await begin(browser, frontend)
    await begin(browser, await openFrontend())
    expect((await follow(browser, first, 'Continue')).url.origin).toBe(GOOGLE)
  })
})

describe('a page that another browser was shown', () => {
  it('does not go on, although its link is known', async () => {
    const attacker = undecided()
    const page = await begin(attacker, frontend)
    for (const victim of [undecided(), await shown()]) {
      const { response, url } = await follow(victim, page, 'Continue')
      expect([response.status, url.origin]).toEqual([400, the.url])
    }
  })

  /** A browser that shows a page of its own. */
  async function shown(): Promise<Browser> {
    const browser = undecided()
    await begin(browser, await openFrontend())
    return browser
  }
})

describe('a key that was approved', () => {
  it('goes straight on, and the same key has to redeem the code', async () => {
    const browser = undecided()
    await follow(browser, await begin(browser, frontend), 'Continue')
    later(364 * 24 * 60 * 60)
    const { url } = await begin(browser, frontend)
    expect(url.origin).toBe(GOOGLE)
    later(2 * 24 * 60 * 60)
    expect((await begin(browser, frontend)).url.origin).toBe(the.url)
  })

  it.each<{ what: string; other: (browser: Browser) => Promise<Page> }>([
    { what: 'another key', other: async (browser) => begin(browser, await openFrontend()) },
    { what: 'no key', other: async (browser) => begin(browser, frontend, { dpop_jkt: undefined }) },
    { what: 'another browser', other: async () => begin(undecided(), frontend) },
  ])('is asked about again with $what (TMB-90)', async ({ other }) => {
    const browser = undecided()
    await follow(browser, await begin(browser, frontend), 'Continue')
    const { response, url } = await other(browser)
    expect([response.status, url.origin]).toEqual([200, the.url])
  })

  it('is asked about again for another client', async () => {
    const twin = { ...gallery, id: 'twin' }
    const client = { origins: [gallery.origin], redirect_uris: [gallery.redirect_uri] }
    configureClients({ gallery: client, twin: client })
    const browser = undecided()
    await follow(browser, await begin(browser, frontend), 'Continue')
    const { url } = await begin(browser, frontend, { client_id: twin.id })
    expect(url.origin).toBe(the.url)
  })

  it('is not remembered after Not now', async () => {
    const browser = undecided()
    await follow(browser, await begin(browser, frontend), 'Not now')
    expect((await begin(browser, frontend)).url.origin).toBe(the.url)
  })

  it('is forgotten after twenty others, in one cookie of a moderate size', async () => {
    const browser = undecided()
    const others = await Promise.all(Array.from({ length: 20 }, () => openFrontend()))
    for (const who of [frontend, ...others])
      await follow(browser, await begin(browser, who), 'Continue')
    expect((await begin(browser, frontend)).url.origin).toBe(the.url)
    for (const who of others) expect((await begin(browser, who)).url.origin).toBe(GOOGLE)
    const cookies = browser.jar.get('broker.example') ?? new Map()
    const [name = ''] = [...cookies.keys()].filter((cookie) => cookie.endsWith('approved'))
    expect(cookies.get(name)?.length).toBeLessThan(1200)
  })
})

describe('an injected script (TMB-90)', () => {
  it('gets no token for a key of its own without a click on the page of the broker', async () => {
    const browser = undecided()
    await follow(browser, await begin(browser, frontend), 'Continue') // the user uses the app
    const script = await openFrontend() // its key can be exported
    for (const parameters of [{}, { dpop_jkt: undefined }, { dpop_jkt: script.jkt }]) {
      const page = await begin(browser, script, parameters)
      expect([page.response.status, page.url.origin]).toEqual([200, the.url])
    }
    expect(google.calls('token')).toBe(0)
  })

  it('that names the key of the page gets a code that only that key redeems', async () => {
    await frontend.connect(google, 'pick')
    const browser = google.browse()
    const script = await openFrontend()
    const back = await script.consent(google, browser, 'pick', {
      parameters: { dpop_jkt: frontend.jkt },
    })
    const code = back.searchParams.get('code') ?? ''
    expect((await script.redeem(code)).body.error).toBe('invalid_grant')
    expect((await script.redeem(code, {}, { proof: null })).body.error).toBe('invalid_dpop_proof')
  })
})
