/** Security event tokens, valid or not, and their delivery to the broker. */

import { importJWK, type JWK, SignJWT } from 'jose'
import type { Simulator } from '../../src/simulator/app.ts'
import { type Answer, answerOf, broker, the } from './broker.ts'
import { ADA, GOOGLE } from './simulated-google.ts'

/** Prefix of event names. */
export const SECEVENT = 'https://schemas.openid.net/secevent'
export const TOKENS_REVOKED = `${SECEVENT}/oauth/event-type/tokens-revoked`

/** Ada's subject identifier in events. */
export const ADA_THERE = { subject_type: 'iss-sub', iss: `${GOOGLE}/`, sub: ADA }

/** Signs an event, by default that all of Ada's tokens were revoked, with Google's key or another. */
export async function signEvent(
  { world }: Simulator,
  claims: Record<string, unknown> = {},
  header: object = {},
  key?: CryptoKey | Uint8Array,
): Promise<string> {
  if (!world.signing_key) throw new Error('Google has signed nothing yet')
  const jwk: JWK = world.signing_key
  const payload = {
    iss: `${GOOGLE}/`,
    aud: 'test-client',
    iat: Math.floor(Date.now() / 1000),
    jti: crypto.randomUUID(),
    events: { [TOKENS_REVOKED]: { subject: ADA_THERE } },
    ...claims,
  }
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'RS256', kid: jwk.kid ?? '', typ: 'secevent+jwt', ...header })
    .sign(key ?? (await importJWK(jwk, 'RS256')), { crit: { x: false } })
}

/** Pushes a security event token; RFC 8935 §2.1. */
export async function sendEvent(
  body: string,
  type: string = 'application/secevent+jwt',
): Promise<Answer<object>> {
  const headers = { 'Content-Type': type }
  return answerOf(await broker(new Request(`${the.url}/events`, { method: 'POST', headers, body })))
}
