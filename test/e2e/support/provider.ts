/** A certified OpenID provider that is not ours, `oidc-provider`, on loopback with rotating refresh tokens. */

import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'
import type { Browser, Page } from '../../support/browser.ts'
import { CLIENT, PICK, UPLOAD } from './dev-broker.ts'
import type { Place } from './start.ts'

type StopAt = (url: URL) => boolean

/** The provider, running. */
export interface RunningProvider {
  issuer: string
  /** Grant types of the successful token requests. */
  granted: string[]
  /** Number of revoked refresh tokens. */
  revoked(): number
  /** Ends every grant. */
  endAllGrants(): Promise<void>
  /** Logs the user of the browser in and consents; the browser then follows redirects up to `stopAt`. */
  consent(browser: Browser, page: Page, login: string, stopAt?: StopAt): Promise<Page>
  /** Presses Cancel. */
  deny(browser: Browser, page: Page, stopAt: StopAt): Promise<Page>
  /** Lifetime of the access tokens it issues from now on, in seconds; 3600 by default. */
  access_token_seconds: number
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts the provider, with the broker at a port as its client.
 *
 * @param media answers below `/media/`, on the provider's own origin
 */
export async function startProvider(
  { port }: Place,
  media?: RequestListener,
): Promise<RunningProvider> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(issuer, {
    clients: [
      {
        ...CLIENT,
        redirect_uris: [`http://localhost:${port}/callback`],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      },
    ],
    scopes: ['openid', 'offline_access', PICK, UPLOAD],
    cookies: { keys: ['for-this-test-only'] },
    features: { revocation: { enabled: true } },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    ttl: {
      AccessToken: () => running.access_token_seconds,
      RefreshToken: 86400,
      Session: 3600,
      Interaction: 600,
      Grant: 86400,
      IdToken: 3600,
    },
  })
  const granted: string[] = []
  provider.on('grant.success', (ctx) => granted.push(String(ctx.oidc.params?.['grant_type'])))
  let revocations = 0
  provider.on('refresh_token.destroyed', () => revocations++)
  const grants = new Set<string>()
  provider.on('refresh_token.saved', (token) => grants.add(String(token.grantId)))
  const answer = provider.callback()
  server.on('request', (request, response) => {
    if (media && request.url?.startsWith('/media/')) media(request, response)
    else void answer(request, response)
  })
  const running: RunningProvider = {
    issuer,
    granted,
    access_token_seconds: 3600,
    revoked: () => revocations,
    async endAllGrants() {
      for (const grant of grants) await (await provider.Grant.find(grant))?.destroy()
    },
    async consent(browser, page, login, stopAt) {
      let current = page
      for (let step = 0; step < 3 && current.url.origin === issuer; step++) {
        const prompt = /name="prompt" value="(\w+)"/.exec(current.text)?.[1] ?? 'consent'
        const body = new URLSearchParams(
          prompt === 'login' ? { prompt, login, password: 'any' } : { prompt },
        )
        current = await browser.visit(current.url, { method: 'POST', body }, stopAt)
      }
      return current
    },
    async deny(browser, page, stopAt) {
      const [, cancel = ''] = /href="([^"]*\/abort)"/.exec(page.text) ?? []
      return browser.visit(new URL(cancel, page.url), {}, stopAt)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return running
}
