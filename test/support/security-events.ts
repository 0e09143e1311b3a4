/** Security event tokens, valid or not, their delivery to the broker, and what makes Google send one. */

import { importJWK, type JWK, SignJWT } from 'jose'
import { expect } from 'vitest'
import type { Simulator } from '../../src/simulator/app.ts'
import { type Answer, answerOf, broker, the } from './broker.ts'
import { ADA, GOOGLE } from './simulated-google.ts'
import { later } from './story.ts'

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

type Announcement = Parameters<Simulator['sendSecurityEvent']>[0]

/** Makes Google send an event about Ada's account; @returns the status of the broker's answer */
export async function announce(
  simulator: Simulator,
  type: Announcement['type'],
  more: Partial<Announcement> = {},
): Promise<number> {
  const account = type === 'token-revoked' || type === 'verification' ? {} : { account: ADA }
  later(1)
  const about = { type, client_id: 'test-client', ...account, ...more }
  return (await simulator.sendSecurityEvent(about))?.status ?? -1
}

/** Removes the app on Google's page of connections, as Ada does. */
export async function removeApp(simulator: Simulator): Promise<void> {
  later(1)
  const body = new URLSearchParams({ account: ADA, client_id: 'test-client' })
  await simulator.fetch(new Request(`${GOOGLE}/connections/remove`, { method: 'POST', body }))
  expect(simulator.world.events.at(-1)).toMatchObject({ type: 'tokens-revoked', status: 202 })
}
