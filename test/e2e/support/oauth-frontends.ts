/** Two frontends in OAuth mode, and users who consent for them at the provider. */

import { ResponseBodyError } from 'oauth4webapi'
import { expect } from 'vitest'
import type { Browser, Page } from '../../support/browser.ts'
import { type DevBroker, newBrowser } from './dev-broker.ts'
import { type Begun, type OAuthClient, type OAuthLibrary, recordingFetch } from './oauth-library.ts'
import type { RunningProvider } from './provider.ts'

const GALLERY = 'https://gallery.example'
const ALBUM = 'https://album.example'

const isFrontend = ({ origin }: URL): boolean => [GALLERY, ALBUM].includes(origin)

/** Their entries in `CLIENTS`: `gallery`, and `album`, whose users have JWTs of an issuer. */
export function frontendClients(issuer: object): object {
  const entry = (origin: string) => ({ origins: [origin], redirect_uris: [`${origin}/back`] })
  return { gallery: entry(GALLERY), album: { ...entry(ALBUM), ...issuer } }
}

interface OAuthFrontend {
  client: OAuthClient
  /** Each request with its status, such as `POST /token 200`. */
  wire: string[]
  /** Consents for a user; @returns the redirect URI with its parameters */
  consent(begun: Begun, login: string): Promise<URL>
  /** Denies the consent; @returns the same */
  deny(begun: Begun): Promise<URL>
  /** Connects a bundle for a user; @returns the refresh token */
  connect(scope: string, login: string): Promise<string>
}

/** Opens a library for the client `gallery`, or for the client `album` with the JWT of a user. */
export async function openFrontend(
  library: OAuthLibrary,
  { broker, provider }: { broker: DevBroker; provider: RunningProvider },
  jwt?: string,
): Promise<OAuthFrontend> {
  const { fetch, wire } = recordingFetch()
  const [client_id, origin] = jwt === undefined ? ['gallery', GALLERY] : ['album', ALBUM]
  const settings = { client_id, redirect_uri: `${origin}/back`, fetch, jwt }
  const client = await library.open({ issuer: broker.url, ...settings })
  wire.length = 0
  const frontend: OAuthFrontend = {
    ...{ client, wire },
    async consent(begun, login) {
      const { browser, page } = await leave(begun)
      return (await provider.consent(browser, page, login, isFrontend)).url
    },
    async deny(begun) {
      const { browser, page } = await leave(begun)
      return (await provider.deny(browser, page, isFrontend)).url
    },
    async connect(scope, login) {
      const begun = await client.begin(scope)
      const { refresh_token } = await client.redeem(begun, await frontend.consent(begun, login))
      if (refresh_token === undefined) throw new Error('there was no refresh token')
      return refresh_token
    },
  }
  return frontend
}

/** Sends a new browser to the first page of the provider. */
async function leave({ url }: Begun): Promise<{ page: Page; browser: Browser }> {
  const browser = newBrowser()
  return { browser, page: await browser.visit(url, {}, isFrontend) }
}

/** Waits for the error that a library throws. */
export async function thrown(work: Promise<unknown>): Promise<unknown> {
  return work.catch((error: unknown) => error)
}

/** Waits for the library's typed error for an error response. */
export async function refused(work: Promise<unknown>): Promise<{ status: number; body: object }> {
  const error = await thrown(work)
  expect(error).toBeInstanceOf(ResponseBodyError)
  const { status, cause } = error as ResponseBodyError
  return { status, body: cause }
}
