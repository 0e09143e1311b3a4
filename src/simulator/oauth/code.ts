/** Authorization codes: valid once, for the same client, redirect URI and PKCE verifier. */

import { randomName, type Simulation } from '../simulation.ts'
import type { Code } from '../world.ts'
import { endTokensOf } from './consents.ts'
import { oauthError } from './error.ts'

/** How long a code is valid, in seconds. */
const CODE_SECONDS = 10 * 60

/** Makes a code, and deletes those that have expired. */
export function issueCode(simulation: Simulation, code: Omit<Code, 'expires_at' | 'used'>): string {
  const { codes } = simulation.world
  const now = simulation.now()
  for (const [name, { expires_at }] of Object.entries(codes)) {
    if (now >= expires_at) delete codes[name]
  }
  const name = randomName('4/0A')
  codes[name] = { ...code, expires_at: now + CODE_SECONDS, used: false }
  return name
}

/**
 * Checks a code and marks it as used. A second use ends the tokens of the first.
 *
 * @throws {HTTPException} `invalid_grant`, `invalid_request` or `redirect_uri_mismatch`
 * @see RFC 6749 §4.1.3, RFC 7636 §4.6
 */
export async function redeemCode(
  simulation: Simulation,
  form: URLSearchParams,
  client_id: string,
): Promise<{ name: string; code: Code }> {
  const { codes } = simulation.world
  const name = form.get('code') ?? ''
  if (name === '') throw oauthError('invalid_request', 'Required parameter is missing: code')
  const verifier = form.get('code_verifier') ?? undefined
  const challenge = verifier === undefined ? undefined : await challengeOf(verifier)
  // No `await` from here on: of two concurrent requests, only one finds the code unused.
  const code = Object.hasOwn(codes, name) ? codes[name] : undefined
  if (code?.client_id !== client_id) throw oauthError('invalid_grant', 'Malformed auth code.')
  if (code.used) {
    endTokensOf(simulation, name)
    throw oauthError('invalid_grant', 'Bad Request')
  }
  if (simulation.now() >= code.expires_at) throw oauthError('invalid_grant', 'Bad Request')
  if (form.get('redirect_uri') !== code.redirect_uri)
    throw oauthError('redirect_uri_mismatch', 'Bad Request')
  if (code.code_challenge !== undefined && verifier === undefined)
    throw oauthError('invalid_grant', 'Missing code verifier.')
  if (code.code_challenge !== challenge) throw oauthError('invalid_grant', 'Invalid code verifier.')
  code.used = true
  return { name, code }
}

async function challengeOf(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  return new Uint8Array(digest).toBase64({ alphabet: 'base64url', omitPadding: true })
}
