/** An app for the tests: calls the simulator through `oauth4webapi`, an independent client. */

import * as oauth from 'oauth4webapi'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/app.ts'
import type { UserChoice } from '../../src/simulator/user.ts'

const AUTH = 'https://www.googleapis.com/auth/'

/** The usual values of the tests. */
export const the = {
  auth: AUTH,
  origin: 'https://google.example',
  redirect_uri: 'https://app.example/callback',
  client_id: 'test-client',
  client_secret: 'test-secret',
  nonce: 'nonce-of-the-test',
  state: 'state-of-the-test',
  sub: '110248495921238986420',
  pick: `${AUTH}photospicker.mediaitems.readonly`,
  append: `${AUTH}photoslibrary.appendonly`,
  read: `${AUTH}photoslibrary.readonly.appcreateddata`,
  edit: `${AUTH}photoslibrary.edit.appcreateddata`,
} as const

/** Makes a simulator with one client. */
export function google(options: Partial<SimulatorOptions> = {}): Simulator {
  const { client_id, client_secret, redirect_uri } = the
  return createSimulator({
    origin: the.origin,
    clients: [{ client_id, client_secret, redirect_uris: [redirect_uri], name: 'Test app' }],
    ...options,
  })
}

const client: oauth.Client = { client_id: the.client_id }
const authentication = oauth.ClientSecretPost(the.client_secret)

/** Makes `oauth4webapi` send its requests to the simulator. */
function through(simulator: Simulator): {
  [oauth.customFetch]: (url: string, init: object) => Promise<Response>
} {
  return { [oauth.customFetch]: (url, init) => simulator.fetch(new Request(url, init)) }
}

/** Reads the discovery document. */
export async function discover(simulator: Simulator): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(the.origin)
  return oauth.processDiscoveryResponse(
    issuer,
    await oauth.discoveryRequest(issuer, through(simulator)),
  )
}

/** Makes an authorization request; a parameter of `undefined` is left out. */
export async function authorizationUrl(
  scope: string,
  more: Record<string, string | undefined> = {},
): Promise<{ url: URL; code_verifier: string }> {
  const code_verifier = oauth.generateRandomCodeVerifier()
  const parameters = {
    client_id: the.client_id,
    redirect_uri: the.redirect_uri,
    response_type: 'code',
    scope,
    access_type: 'offline',
    state: the.state,
    nonce: the.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: 'S256',
    ...more,
  }
  const url = new URL(`${the.origin}/o/oauth2/v2/auth`)
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, value)
  }
  return { url, code_verifier }
}

/** Exchanges the code of a redirect, and validates all that `oauth4webapi` can. */
export async function exchange(
  simulator: Simulator,
  redirect: URL,
  code_verifier: string,
): Promise<oauth.TokenEndpointResponse> {
  const as = await discover(simulator)
  const parameters = oauth.validateAuthResponse(as, client, redirect, the.state)
  const response = await oauth.authorizationCodeGrantRequest(
    as,
    client,
    authentication,
    parameters,
    the.redirect_uri,
    code_verifier,
    through(simulator),
  )
  const isSignIn = redirect.searchParams.get('scope')?.includes('openid') ?? false
  const expected = isSignIn ? { expectedNonce: the.nonce } : {}
  const body = await oauth.processAuthorizationCodeResponse(as, client, response, expected)
  if (body.id_token !== undefined)
    await oauth.validateApplicationLevelSignature(as, response, through(simulator))
  return body
}

/** Connects as a user does: authorization request, consent, code exchange. */
export async function connect(
  simulator: Simulator,
  scope: string = `openid ${the.pick}`,
  choice: UserChoice = {},
  more: Record<string, string | undefined> = {},
): Promise<oauth.TokenEndpointResponse> {
  const { url, code_verifier } = await authorizationUrl(scope, more)
  return exchange(simulator, await simulator.consent(url, choice), code_verifier)
}

/** Refreshes. @throws the OAuth error */
export async function refresh(
  simulator: Simulator,
  refresh_token: string,
  scope?: string,
): Promise<oauth.TokenEndpointResponse> {
  const as = await discover(simulator)
  const response = await oauth.refreshTokenGrantRequest(as, client, authentication, refresh_token, {
    ...through(simulator),
    ...(scope === undefined ? {} : { additionalParameters: { scope } }),
  })
  return oauth.processRefreshTokenResponse(as, client, response)
}

/** Revokes a token. @throws the OAuth error */
export async function revoke(simulator: Simulator, token: string): Promise<void> {
  const as = await discover(simulator)
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(as, client, authentication, token, through(simulator)),
  )
}

/** Posts a form and reads the JSON answer. */
export async function post(
  simulator: Simulator,
  path: string,
  form: Record<string, string | undefined>,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const fields = Object.entries(form).filter((entry): entry is [string, string] => !!entry[1])
  const response = await simulator.fetch(
    new Request(the.origin + path, { method: 'POST', body: new URLSearchParams(fields), headers }),
  )
  return { status: response.status, body: await response.json() }
}
