/** OAuth libraries that nobody here wrote, each with the settings of its own documentation, against the production build. */

import type { Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { openOwn } from './support/documented-pages.ts'
import { byPassportOAuth2, bySimpleOAuth2 } from './support/libraries/on-node.ts'
import type { Tokens } from './support/libraries/page.ts'
import {
  consent,
  consentInPart,
  deny,
  fails,
  type Library,
  openLibrary,
  press,
  serveModules,
  succeeds,
  usePicker,
} from './support/library-pages.ts'
import { thrown } from './support/oauth-frontends.ts'
import { openPopup, stage, useStage } from './support/stage.ts'

/** The description of `access_denied`. */
const REFUSED = 'The user refused.'

useStage()

beforeAll(() => serveModules(stage))

interface Case {
  library: Library
  /** How the library reports that the user refused. */
  denial: object
  /** How it reports what the token endpoint refuses. */
  refusal: object
}

const CASES: Case[] = [
  {
    library: 'oidc-client-ts',
    denial: { name: 'ErrorResponse', error: 'access_denied', error_description: REFUSED },
    refusal: { name: 'ErrorResponse', error: 'consent_required' },
  },
  {
    library: 'arctic', // it leaves the answer in the address to the page
    denial: { message: 'access_denied' },
    refusal: { code: 'consent_required' },
  },
  {
    library: '@badgateway/oauth2-client',
    denial: { oauth2Code: 'access_denied', message: REFUSED },
    refusal: { oauth2Code: 'consent_required', parsedBody: { reason: 'partially_granted' } },
  },
  {
    library: '@openid/appauth', // it reads the status of a refusal, and not its body
    denial: { error: 'access_denied' },
    refusal: { message: '400' },
  },
]

describe.each(CASES)('$library in a page on another site', ({ library, denial, refusal }) => {
  it('gets an access token of Google, and without DPoP no refresh token', async () => {
    const page = await openLibrary(stage, library)
    await press(page, 'Connect')
    await consent(page)
    const tokens = await succeeds(page)
    expect(tokens.refresh_token ?? undefined).toBeUndefined()
    expect(await usePicker(stage, tokens)).toBe(200)
  })

  it('reports that the user refused, or granted a part', async () => {
    const page = await openLibrary(stage, library, 'data-bundle="album"')
    await press(page, 'Connect')
    await deny(page)
    expect(await fails(page)).toMatchObject(denial)
    await press(page, 'Connect')
    await consentInPart(page)
    expect(await fails(page)).toMatchObject(refusal)
  })
})

describe('oidc-client-ts', () => {
  it('signs in with a popup', async () => {
    const page = await openLibrary(stage, 'oidc-client-ts')
    const popup = await openPopup(page, 'Popup')
    await consent(popup)
    expect(await usePicker(stage, await succeeds(page))).toBe(200)
  })

  it('learns from a silent renewal that the user has to be asked', async () => {
    const page = await openLibrary(stage, 'oidc-client-ts')
    await press(page, 'Connect')
    await consent(page)
    await succeeds(page)
    await press(page, 'Renew')
    expect(await fails(page)).toMatchObject({
      name: 'ErrorResponse',
      error: 'interaction_required',
      error_description: expect.stringContaining('prompt'),
    })
  })

  it('refreshes with DPoP, reads consent_required, ends its session, and connects again', async () => {
    const page = await openLibrary(stage, 'oidc-client-ts', 'data-dpop')
    await press(page, 'Connect')
    await consent(page)
    const { refresh_token } = await succeeds(page)
    expect(refresh_token).toEqual(expect.any(String))
    await press(page, 'Renew')
    const renewed = await succeeds(page)
    expect(renewed).toMatchObject({ refresh_token, scope: 'pick' })
    expect(await usePicker(stage, renewed)).toBe(200)
    await press(page, 'Upload')
    expect(await fails(page)).toMatchObject({ name: 'ErrorResponse', error: 'consent_required' })
    await press(page, 'Revoke')
    await succeeds(page)
    await page.goto(`${stage.pageAt('oauth')}own`)
    await press(page, 'Connect') // key and scopes are approved already: nobody is asked
    await page.waitForURL(/[?]code=/)
    expect(await usePicker(stage, await succeeds(page))).toBe(200)
  })
})

describe.each([
  {
    library: 'simple-oauth2', // it leaves the answer in the address to the server
    begin: bySimpleOAuth2,
    denial: { message: 'access_denied' },
    refusal: { isBoom: true, data: { payload: { error: 'consent_required' } } },
  },
  {
    library: 'passport-oauth2',
    begin: byPassportOAuth2,
    denial: { message: REFUSED },
    refusal: { name: 'TokenError', code: 'consent_required' },
  },
])('$library on Node', ({ begin, denial, refusal }) => {
  /** Sends a user to Google. @returns what the library makes of the answer */
  async function answer(decide: (page: Page) => Promise<void>, bundle: string): Promise<Tokens> {
    const back = `${stage.pageAt('oauth')}own`
    const { url, redeem } = await begin(stage.url, back, bundle)
    const page = await openOwn(stage, '<!doctype html><title>An app with a server</title>')
    await page.goto(url)
    await decide(page)
    await page.waitForURL((at) => at.href.startsWith(back))
    return redeem(Object.fromEntries(new URL(page.url()).searchParams))
  }

  it('gets an access token of Google, as a public client with an empty secret', async () => {
    const tokens = await answer(consent, 'pick')
    expect(tokens.refresh_token).toBeUndefined()
    expect(await usePicker(stage, tokens)).toBe(200)
  })

  it('reports that the user refused, or granted a part', async () => {
    expect(await thrown(answer(deny, 'album'))).toMatchObject(denial)
    expect(await thrown(answer(consentInPart, 'album'))).toMatchObject(refusal)
  })
})
