/** Attack: open redirects in cookie mode, with malformed URLs at every redirect (TMB-68, TMB-07, TMB-69); OAuth mode is in oauth/redirect-uri.test.ts. */

import { describe, expect, it } from 'vitest'
import { answerOf, broker, logIn, the } from '../support/broker.ts'
import { configureClients, OAUTH_CLIENTS, openFrontend } from '../support/frontend.ts'
import { GOOGLE, simulateGoogle } from '../support/simulated-google.ts'
import { stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const APP = 'https://app.broker.example'

const TRICKS = [
  '//evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '\t//evil.example',
  'https:evil.example',
  'https:///evil.example',
  'https:\\\\evil.example',
  'https://evil.example',
  `${APP}.evil.example/`,
  `${APP}@evil.example/`,
  `https://evil.example#${APP}`,
  `https://evil.example/?${APP}`,
  'https://evil.example\\@app.broker.example/',
  'https://app.broker.example:8443/',
  'http://app.broker.example/',
  'https://user:password@app.broker.example/',
  'https://app.broker.example./',
  'https://app。broker.example/',
  'https://app%2ebroker.example%2f@evil.example/',
  'https://аpp.broker.example/',
  'JaVaScRiPt:alert(1)',
  ' javascript:alert(1)',
  'data:text/html,x',
  'blob:https://app.broker.example/x',
  'file:///etc/passwd',
  '%2f%2fevil.example',
  '/app#fragment',
  `${APP}/#fragment`,
  '/app\u0000',
  '',
]

/** The URL that a browser would follow. */
function redirectOf(response: Response): string | null {
  return response.headers.get('Location') ?? response.headers.get('Refresh')
}

describe('at /connect', () => {
  it.each(TRICKS)('return_to %j is refused, and is on no page', async (return_to) => {
    simulateGoogle()
    configure({ CLIENTS: { web: { origins: [the.url, APP] } } })
    const query = new URLSearchParams({ bundle: 'pick', return_to })
    for (const headers of [{}, { Accept: 'text/html' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
      const response = await broker(
        new Request(`${the.url}/connect?${query}`, { headers, redirect: 'manual' }),
      )
      expect([response.status, redirectOf(response)]).toEqual([400, null])
      expect(await response.text()).not.toContain('evil')
    }
  })
})

describe('at the callback', () => {
  it.each(['return_to', 'redirect_uri', 'next', 'url', 'client', 'bundle', 'display'])(
    'a parameter %s does not change the redirect, on success or on an error',
    async (name) => {
      const google = simulateGoogle()
      const browser = google.browse()
      const callback = await google.consent(await google.start(browser, 'pick'))
      callback.searchParams.set(name, 'https://evil.example/')
      const back = await browser.fetch(callback)
      expect([back.status, redirectOf(back)]).toEqual([
        303,
        `${the.url}/app?connect=ok&bundle=pick`,
      ])
      const denied = await google.consent(await google.start(browser, 'upload'), { cancel: true })
      denied.searchParams.set(name, 'https://evil.example/')
      expect(redirectOf(await browser.fetch(denied))).toBe(
        `${the.url}/app?connect=error&bundle=upload&error=access_denied`,
      )
    },
  )

  it.each(TRICKS)('a failing callback with %j does not redirect', async (trick) => {
    simulateGoogle()
    for (const name of ['state', 'return_to', 'error', 'error_uri', 'iss']) {
      const query = new URLSearchParams({ code: 'x', [name]: trick })
      const response = await broker(
        new Request(`${the.url}/callback?${query}`, { redirect: 'manual' }),
      )
      expect([response.status, redirectOf(response)]).toEqual([400, null])
    }
  })
})

describe('at logout', () => {
  it.each(TRICKS)('%j does not redirect', async (trick) => {
    const google = simulateGoogle()
    const browser = google.browse()
    await logIn(browser)
    const query = new URLSearchParams({ return_to: trick, post_logout_redirect_uri: trick })
    const response = await browser.call('DELETE', `${the.url}/session?${query}`)
    expect([response.status, redirectOf(response)]).toEqual([204, null])
    const navigated = await browser.fetch(`${the.url}/session?${query}`)
    expect([navigated.status < 300 || navigated.status > 399, redirectOf(navigated)]).toEqual([
      true,
      null,
    ])
  })
})

describe.each([
  ['X-Forwarded-Host', 'evil.example'],
  ['X-Forwarded-Proto', 'http'],
  ['X-Forwarded-Port', '8443'],
  ['X-Original-Host', 'evil.example'],
  ['X-Host', 'evil.example'],
  ['Forwarded', 'host=evil.example;proto=http'],
])('with %s: %s', (name, value) => {
  it('the redirect_uri and return_to stay the same (TMB-07)', async () => {
    const google = simulateGoogle()
    const headers = { [name]: value }
    const browser = google.browse()
    const at = `${the.url}/connect?bundle=pick&return_to=/app`
    const start = await browser.fetch(at, { headers })
    const url = new URL(redirectOf(start) ?? '')
    expect(url.searchParams.get('redirect_uri')).toBe(`${the.url}/callback`)
    const back = await browser.fetch(await google.consent(url), { headers })
    expect(redirectOf(back)).toBe(`${the.url}/app?connect=ok&bundle=pick`)
  })

  it('the issuer of OAuth mode stays the same (TMB-07)', async () => {
    configureClients()
    const google = simulateGoogle()
    const headers = { [name]: value }
    const { body } = await answerOf<{ issuer: string }>(
      await broker(new Request(`${the.url}/.well-known/oauth-authorization-server`, { headers })),
    )
    expect(body.issuer).toBe(the.url)
    const frontend = await openFrontend()
    const browser = google.browse()
    const isGoogle = ({ origin }: URL): boolean => origin === GOOGLE
    const start = await frontend.authorizeUrl('pick')
    const { url } = await browser.visit(start, { headers }, isGoogle)
    expect(url.searchParams.get('redirect_uri')).toBe(`${the.url}/callback`)
    const back = await browser.fetch(await google.consent(url), { headers })
    expect(new URL(redirectOf(back) ?? '').searchParams.get('iss')).toBe(the.url)
  })
})

it('every redirect is 302 or 303, and to Google or to where the flow began (TMB-69)', async () => {
  configureClients(OAUTH_CLIENTS)
  const google = simulateGoogle()
  const browser = google.browse()
  const seen: [number, string][] = []
  const follow = async (url: string | URL): Promise<URL> => {
    const { response, url: location } = await browser.visit(url, {}, () => true)
    seen.push([response.status, location.origin])
    return location
  }
  const web = `${the.url}/connect?bundle=pick&return_to=/app&client=web`
  await follow(await google.consent(await follow(web)))
  const frontend = await openFrontend()
  await follow(await google.consent(await follow(await frontend.authorizeUrl('upload'))))
  await follow(await frontend.authorizeUrl('none'))
  expect(seen).toEqual([
    [303, GOOGLE],
    [303, the.url],
    [303, GOOGLE],
    [303, 'https://gallery.example'],
    [303, 'https://gallery.example'],
  ])
})
