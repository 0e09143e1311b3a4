/** This file is the tests of what all pages have in common. */

import { describe, expect, it } from 'vitest'
import { authorizationUrl, connect, google, the } from './app.ts'

const NAME = '<img src=x onerror=alert(1)>'

describe('every page', () => {
  it.each(['/', '/connections', '/picker/nothing', '/o/oauth2/v2/auth', 'chooser', 'consent'])(
    'says what it is, runs no script, and escapes what it shows: %s',
    async (path) => {
      const { client_id, client_secret, redirect_uri } = the
      const clients = [{ client_id, client_secret, redirect_uris: [redirect_uri], name: NAME }]
      const simulator = google({ clients })
      await connect(simulator)
      const { url } = await authorizationUrl(`${the.append} ${the.read}`)
      const Cookie = path === 'consent' ? `simulator_signed_in=${the.sub}` : ''
      const address = path.startsWith('/') ? the.origin + path : url
      const response = await simulator.fetch(new Request(address, { headers: { Cookie } }))
      const page = await response.text()
      expect(page).toContain('<html lang="en">')
      expect(page).toMatch(/<title>[^<]+ · Simulator<\/title>/)
      expect(page.match(/<h1>/g)).toHaveLength(1)
      expect(page).toContain('Simulator: not Google')
      expect(page).not.toContain(NAME)
      expect(page).not.toContain('<script')
      const policy = response.headers.get('Content-Security-Policy')
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("frame-ancestors 'none'")
    },
  )

  it('of signing in cuts a popup off when it is set up so', async () => {
    const simulator = google()
    const { url } = await authorizationUrl(the.pick)
    const policy = async (): Promise<string | null> =>
      (await simulator.fetch(new Request(url))).headers.get('Cross-Origin-Opener-Policy')
    expect(await policy()).toBe('unsafe-none')
    simulator.world.settings.opener_policy = 'same-origin'
    expect(await policy()).toBe('same-origin')
  })

  it('shows thumbnails of somebody’s photos, and the stylesheet', async () => {
    const get = (path: string): Promise<Response> => google().fetch(new Request(the.origin + path))
    const thumbnail = await get(`/picker/thumbnails/${the.sub}/${the.sub.slice(-6)}-1`)
    expect(thumbnail.headers.get('Content-Type')).toBe('image/png')
    expect((await get(`/picker/thumbnails/${the.sub}/nothing`)).status).toBe(404)
    expect((await get('/style.css')).headers.get('Content-Type')).toContain('text/css')
  })

  it('of signing out forgets who was signed in', async () => {
    const response = await google().fetch(
      new Request(`${the.origin}/connections/sign-out`, { method: 'POST' }),
    )
    expect(response.headers.get('Set-Cookie')).toMatch(/^simulator_signed_in=; Max-Age=0/)
  })
})
