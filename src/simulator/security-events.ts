/** Cross-Account Protection: signed events (RFC 8417) that are pushed to apps (RFC 8935) when something happens to an account. */

import { importJWK, SignJWT } from 'jose'
import * as v from 'valibot'
import { signingKey } from './oauth/keys.ts'
import { type Client, clientsOf, projectOf, randomName, type Simulation } from './simulation.ts'
import type { SentEvent } from './world.ts'

const PREFIX = 'https://schemas.openid.net/secevent'

/** Event types by the last part of their identifier. */
const IDENTIFIERS = {
  'tokens-revoked': `${PREFIX}/oauth/event-type/tokens-revoked`,
  'token-revoked': `${PREFIX}/oauth/event-type/token-revoked`,
  'sessions-revoked': `${PREFIX}/risc/event-type/sessions-revoked`,
  'account-disabled': `${PREFIX}/risc/event-type/account-disabled`,
  'account-enabled': `${PREFIX}/risc/event-type/account-enabled`,
  'account-credential-change-required': `${PREFIX}/risc/event-type/account-credential-change-required`,
  verification: `${PREFIX}/risc/event-type/verification`,
} as const

/** The body of `POST /__events`. */
export const securityEventRequestSchema = v.strictObject({
  type: v.picklist(Object.keys(IDENTIFIERS) as (keyof typeof IDENTIFIERS)[]),
  /** `sub` of the account; absent with `token-revoked` and `verification`. */
  account: v.optional(v.string()),
  client_id: v.string(),
  /** With `token-revoked`: the refresh token. The event contains only its prefix or hash. */
  refresh_token: v.optional(v.string()),
  token_identifier_alg: v.optional(v.picklist(['prefix', 'hash_base64_sha512_sha512']), 'prefix'),
  /** With `account-disabled`: `hijacking` or `bulk-account`. */
  reason: v.optional(v.string()),
  /** With `verification`. */
  state: v.optional(v.string()),
})

/** An event to send. */
export type SecurityEventRequest = v.InferInput<typeof securityEventRequestSchema>

/** How many sent events are stored at most. */
const MAX_EVENTS = 100

/** The RISC configuration document. The keys are those of ID tokens, as at Google. */
export function riscConfiguration({ origin }: Simulation): Record<string, unknown> {
  return {
    issuer: `${origin}/`,
    jwks_uri: `${origin}/oauth2/v3/certs`,
    delivery_methods_supported: [`${PREFIX}/risc/delivery-method/push`],
  }
}

/**
 * Sends an event to the receiver of an app's project, once.
 *
 * Google sends events only for users who consented to `email` or `profile`; here every consent is enough.
 *
 * @returns the record of it; `undefined` for an app without a receiver
 */
export async function sendSecurityEvent(
  simulation: Simulation,
  event: SecurityEventRequest,
): Promise<SentEvent | undefined> {
  const { client_id, type } = event
  const { receiver } = appsOf(simulation, client_id).find((app) => app.receiver !== undefined) ?? {}
  if (receiver === undefined) return undefined
  const jti = randomName()
  const body = await createEvent(simulation, event, jti)
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

/** Makes a security event token; RFC 8417 §2. */
async function createEvent(
  simulation: Simulation,
  event: SecurityEventRequest,
  jti: string,
): Promise<string> {
  const { type, client_id, reason, state } = event
  const subject = await subjectOf(simulation, event)
  const claims = {
    ...(subject === undefined ? {} : { subject }),
    ...(reason === undefined ? {} : { reason }),
    ...(state === undefined ? {} : { state }),
  }
  const clientIds = appsOf(simulation, client_id).map((app) => app.client_id)
  const key = await signingKey(simulation)
  return new SignJWT({
    iss: `${simulation.origin}/`,
    aud: clientIds.length === 1 ? client_id : clientIds,
    iat: Math.floor(simulation.appsNow()),
    jti,
    events: { [IDENTIFIERS[type]]: claims },
  })
    .setProtectedHeader({ alg: 'RS256', kid: key.kid ?? '', typ: 'secevent+jwt' })
    .sign(await importJWK(key, 'RS256'))
}

/** The clients of the project, which has one receiver. */
function appsOf(simulation: Simulation, client_id: string): Client[] {
  return clientsOf(simulation, projectOf(simulation, client_id))
}

async function subjectOf(
  { origin }: Simulation,
  { account, refresh_token, token_identifier_alg = 'prefix' }: SecurityEventRequest,
): Promise<object | undefined> {
  if (refresh_token === undefined)
    return account === undefined
      ? undefined
      : { subject_type: 'iss-sub', iss: `${origin}/`, sub: account }
  const token =
    token_identifier_alg === 'prefix'
      ? refresh_token.slice(0, 16)
      : await doubleSha512(refresh_token)
  return { subject_type: 'oauth_token', token_type: 'refresh_token', token_identifier_alg, token }
}

/** SHA-512 of the SHA-512, in base64. */
async function doubleSha512(text: string): Promise<string> {
  const once = await crypto.subtle.digest('SHA-512', new TextEncoder().encode(text))
  return new Uint8Array(await crypto.subtle.digest('SHA-512', once)).toBase64()
}
