/** Users with a JWT of their app at the client `gallery`: they push requests, consent, redeem codes and exchange JWTs. */

import { beforeEach } from 'vitest'
import type { OAuthTokenResponse } from '../../src/protocol/http.ts'
import { ALBUM_CLIENT, type AppIssuer, EXCHANGE, openIssuer } from './app-issuer.ts'
import { type Answer, the } from './broker.ts'
import { type Fields, gallery, type ProofChange } from './frontend.ts'
import { frontend, google, stageOAuthMode } from './oauth-mode.ts'
import { GOOGLE } from './simulated-google.ts'

/** That of the running test. */
export let issuer: AppIssuer

/** Gives every test of a file a new environment, with a Google, the issuer and a frontend. */
export function stageAppUsers(): void {
  stageOAuthMode({ gallery: ALBUM_CLIENT })
  beforeEach(async () => {
    issuer = await openIssuer()
  })
}

/** The JWT of a user, as a credential without a proof. */
export async function bearer(sub: string): Promise<{ proof: null; headers: Fields }> {
  return { proof: null, headers: { Authorization: `Bearer ${await issuer.jwt(sub)}` } }
}

/** Pushes a request for a user. */
export async function push(
  sub: string,
  bundle = 'pick',
  more: Fields = {},
  proof: ProofChange | null = null,
): Promise<Answer<{ request_uri: string; expires_in: number }>> {
  const { searchParams } = await frontend.authorizeUrl(bundle, { dpop_jkt: undefined, ...more })
  const { headers } = await bearer(sub)
  return frontend.post('/par', Object.fromEntries(searchParams), { headers, proof })
}

/** Sends a browser to `/authorize` with a pushed request, through the consent and to the redirect URI. */
export async function consent(
  request_uri: string,
  choice: object = {},
  more: Record<string, string> = {},
): Promise<URL> {
  const browser = google.browse()
  const query = new URLSearchParams({ client_id: gallery.id, request_uri, ...more })
  const stop = ({ origin }: URL): boolean => origin !== the.url
  const start = await browser.visit(`${the.url}/authorize?${query}`, {}, stop)
  if (start.url.origin !== GOOGLE) return start.url
  return (await browser.visit(await google.consent(start.url, choice), {}, stop)).url
}

/** Pushes a request and consents; @returns the redirect URI with its answer */
export async function connect(sub: string, bundle = 'pick', choice: object = {}): Promise<URL> {
  return consent((await push(sub, bundle)).body.request_uri, choice)
}

/** Redeems the code of an answer with the JWT of a user. */
export async function redeem(back: URL, sub: string): Promise<Answer<OAuthTokenResponse>> {
  return frontend.redeem(back.searchParams.get('code') ?? '', {}, await bearer(sub))
}

/** Exchanges the JWT of a user. */
export async function exchange(
  sub: string,
  bundle = 'pick',
  more: Fields = {},
): Promise<Answer<OAuthTokenResponse>> {
  const subject_token = await issuer.jwt(sub)
  const form = { ...EXCHANGE, subject_token, scope: bundle, client_id: gallery.id, ...more }
  return frontend.post('/token', form, { proof: null })
}
