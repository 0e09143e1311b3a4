/** This file is Cross-Account Protection: what happens to an account is told to the apps it signed in to, as signed events (RFC 8417, RFC 8935). */

import { importJWK, SignJWT } from 'jose'
import * as v from 'valibot'
import { signingKey } from './oauth/keys.ts'
import { randomName, type Simulation } from './simulation.ts'
import type { SentEvent } from './world.ts'

const PREFIX = 'https://schemas.openid.net/secevent'

/** What may happen, by the last word of its identifier. */
const IDENTIFIERS = {
  'tokens-revoked': `${PREFIX}/oauth/event-type/tokens-revoked`,
  'token-revoked': `${PREFIX}/oauth/event-type/token-revoked`,
  'sessions-revoked': `${PREFIX}/risc/event-type/sessions-revoked`,
  'account-disabled': `${PREFIX}/risc/event-type/account-disabled`,
  'account-enabled': `${PREFIX}/risc/event-type/account-enabled`,
  'account-purged': `${PREFIX}/risc/event-type/account-purged`,
  'account-credential-change-required': `${PREFIX}/risc/event-type/account-credential-change-required`,
  verification: `${PREFIX}/risc/event-type/verification`,
} as const

/** How to ask for an event; `POST /__events`. */
export const happeningSchema = v.strictObject({
  type: v.picklist(Object.keys(IDENTIFIERS) as (keyof typeof IDENTIFIERS)[]),
  /** By `sub`; left out with `token-revoked` and `verification`. */
  account: v.optional(v.string()),
  client_id: v.string(),
  /** With `token-revoked`: the refresh token, which the event names without telling it. */
  refresh_token: v.optional(v.string()),
  token_identifier_alg: v.optional(v.picklist(['prefix', 'hash_base64_sha512_sha512']), 'prefix'),
  /** With `account-disabled`: `hijacking` or `bulk-account`. */
  reason: v.optional(v.string()),
  /** With `verification`. */
  state: v.optional(v.string()),
})

/** Something that happened. */
export type Happening = v.InferInput<typeof happeningSchema>

/** So many events are remembered. */
const MAX_EVENTS = 100

/** Describes who sends events, and where its keys are: those of ID tokens, as at Google. */
export function riscConfiguration({ origin }: Simulation): Record<string, unknown> {
  return {
    issuer: `${origin}/`,
    jwks_uri: `${origin}/oauth2/v3/certs`,
    delivery_methods_supported: [`${PREFIX}/risc/delivery-method/push`],
  }
}

/**
 * Tells an app what happened, if it has a receiver. There is one try: what gets lost is lost.
 *
 * Google tells of users alone whose consent covers `email` or `profile`; here every consent is enough.
 */
export async function announce(
  simulation: Simulation,
  happening: Happening,
): Promise<SentEvent | undefined> {
  const { client_id, type } = happening
  const { receiver } = simulation.clients.find((one) => one.client_id === client_id) ?? {}
  if (receiver === undefined) return undefined
  const jti = randomName()
  const body = await createEvent(simulation, happening, jti)
  const request = new Request(receiver, {
    method: 'POST',
    headers: { 'Content-Type': 'application/secevent+jwt', Accept: 'application/json' },
    body,
  })
  const status = await simulation.send(request).then(
    (answer) => answer.status,
    () => 0,
  )
  const sent = { jti, type, client_id, time: Math.floor(simulation.now()), status }
  const { events } = simulation.world
  events.push(sent)
  if (events.length > MAX_EVENTS) events.splice(0, events.length - MAX_EVENTS)
  return sent
}

/** Makes a security event token. */
async function createEvent(
  simulation: Simulation,
  happening: Happening,
  jti: string,
): Promise<string> {
  const { type, client_id, reason, state } = happening
  const subject = await subjectOf(simulation, happening)
  const event = {
    ...(subject === undefined ? {} : { subject }),
    ...(reason === undefined ? {} : { reason }),
    ...(state === undefined ? {} : { state }),
  }
  const key = await signingKey(simulation)
  return new SignJWT({
    iss: `${simulation.origin}/`,
    aud: client_id,
    iat: Math.floor(simulation.now()),
    jti,
    events: { [IDENTIFIERS[type]]: event },
  })
    .setProtectedHeader({ alg: 'RS256', kid: key.kid ?? '', typ: 'secevent+jwt' })
    .sign(await importJWK(key, 'RS256'))
}

async function subjectOf(
  { origin }: Simulation,
  { account, refresh_token, token_identifier_alg = 'prefix' }: Happening,
): Promise<object | undefined> {
  if (refresh_token === undefined)
    return account === undefined
      ? undefined
      : { subject_type: 'iss-sub', iss: `${origin}/`, sub: account }
  const token =
    token_identifier_alg === 'prefix' ? refresh_token.slice(0, 16) : await twice(refresh_token)
  return { subject_type: 'oauth_token', token_type: 'refresh_token', token_identifier_alg, token }
}

/** The hash of the hash, in base64. */
async function twice(text: string): Promise<string> {
  const once = await crypto.subtle.digest('SHA-512', new TextEncoder().encode(text))
  return new Uint8Array(await crypto.subtle.digest('SHA-512', once)).toBase64()
}
