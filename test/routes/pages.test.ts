/** Tests of the pages that users see: no foreign script, no framing, no injection (TMB-72, TMB-17). */

import { describe, expect, it } from 'vitest'
import { broker, the } from '../support/broker.ts'
import { configureClients, openFrontend } from '../support/frontend.ts'
import { simulateGoogle } from '../support/simulated-google.ts'
import { stage } from '../support/story.ts'

stage()

const HTML = { Accept: 'text/html' }
const CROSS_SITE = { ...HTML, 'Sec-Fetch-Site': 'cross-site' }
const INJECTION = '"><script>alert(1)</script><img src=x onerror=alert(1)>'

/** Every kind of page. */
interface Opened {
  what: string
  hasScript: boolean
  /** Whether it may be a popup of an app. */
  keepsOpener: boolean
  open: () => Promise<Response>
}

const PAGES: readonly Opened[] = [
  {
    what: 'that asks for a confirmation in cookie mode',
    hasScript: false,
    keepsOpener: false,
    open: async () => get(`/connect?bundle=pick&return_to=/app?x=${encodeURIComponent(INJECTION)}`),
  },
  {
    what: 'that asks for approval in OAuth mode',
    hasScript: false,
    keepsOpener: true,
    open: async () => {
      configureClients()
      const url = await (await openFrontend()).authorizeUrl('pick', { state: INJECTION })
      return get(url.href.slice(the.url.length))
    },
  },
  {
    what: 'of an error',
    hasScript: false,
    keepsOpener: false,
    open: async () => get(`/connect?bundle=${encodeURIComponent(INJECTION)}`, HTML),
  },
  {
    what: 'of a callback with an unknown state',
    hasScript: false,
    keepsOpener: false,
    open: async () => get(`/callback?state=${encodeURIComponent(INJECTION)}`, HTML),
  },
  {
    what: 'that ends a popup in cookie mode',
    hasScript: true,
    keepsOpener: true,
    open: async () => {
      const google = simulateGoogle()
      const { response, text } = await google.connect(google.browse(), 'pick', {
        query: '&display=popup',
      })
      return new Response(text, response)
    },
  },
  {
    what: 'that ends a popup in OAuth mode',
    hasScript: true,
    keepsOpener: true,
    open: async () => {
      configureClients()
      const google = simulateGoogle()
      const browser = google.browse()
      const isAway = ({ origin }: URL): boolean => origin !== the.url
      const frontend = await openFrontend()
      const parameters = { response_mode: 'web_message', state: INJECTION }
      const start = await browser.visit(await frontend.authorizeUrl('pick', parameters), {}, isAway)
      return browser.fetch(await google.consent(start.url))
    },
  },
]

async function get(path: string, headers: Record<string, string> = CROSS_SITE): Promise<Response> {
  simulateGoogle()
  return broker(new Request(the.url + path, { headers }))
}

describe.each(PAGES)('the page $what', ({ hasScript, keepsOpener, open }) => {
  it('allows at most one script, by its nonce, and no form', async () => {
    const { headers } = await open()
    expect(headers.get('Content-Type')).toBe('text/html; charset=UTF-8')
    const policy = headers.get('Content-Security-Policy') ?? ''
    const allowed = Object.fromEntries(
      policy.split('; ').map((directive) => {
        const [name = '', ...sources] = directive.split(' ')
        return [name, sources.join(' ')]
      }),
    )
    expect(allowed).toEqual({
      'default-src': "'none'",
      'style-src': expect.stringMatching(/^'nonce-[\w-]{36}'$/),
      'frame-ancestors': "'none'",
      'base-uri': "'none'",
      'form-action': "'none'",
      ...(hasScript ? { 'script-src': expect.stringMatching(/^'nonce-[\w-]{36}'$/) } : {}),
    })
    expect(headers.get('Cross-Origin-Opener-Policy')).toBe(
      keepsOpener ? 'unsafe-none' : 'same-origin',
    )
    expect(headers.get('Referrer-Policy')).toBe('no-referrer')
  })

  it('escapes all that comes from the request, and loads nothing', async () => {
    const text = await (await open()).text()
    expect(text).toContain('<!doctype html>')
    expect(text).not.toMatch(/<img|<script>alert/)
    expect(text).not.toMatch(
      /<(?:link|iframe|object|embed|form|base)|<script[^>]+src=|@import|url\(/,
    )
    expect(text.match(/<script/g)?.length ?? 0).toBe(hasScript ? 2 : 0)
  })

  it('has a new nonce each time', async () => {
    const policies = [await open(), await open()].map(({ headers }) =>
      headers.get('Content-Security-Policy'),
    )
    expect(policies[0]).not.toBe(policies[1])
  })
})
