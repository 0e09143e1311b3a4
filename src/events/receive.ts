/** This file is `POST /events`: the provider says that something happened to an account or a token; Google's Cross-Account Protection. */

import type { Config } from '../config/config.ts'
import { sha256 } from '../crypto/digest.ts'
import { BrokerError } from '../errors.ts'
import type { SecurityEventError } from '../protocol/http.ts'
import { audit, type BrokerContext } from '../routes/http/context.ts'
import { readBody } from '../routes/http/read-request.ts'
import { isUsed, useOnce } from '../session/one-time-use.ts'
import { accountName, tokenName } from '../subject/provider-names.ts'
import { endsAnything } from '../subject/security-event.ts'
import { askSubject } from '../subject/stub.ts'
import {
  MAX_EVENT_AGE_SECONDS,
  type SecurityEvent,
  type SecurityEventToken,
  verifySecurityEvent,
} from './security-event-token.ts'
import { findSubjects } from './subject-index.ts'

const MAX_EVENT_BYTES = 16 * 1024

/** What a refusal is called on the wire, where that is not `invalid_request`. */
const ERRORS: Readonly<Record<string, SecurityEventError>> = {
  event_issuer: 'invalid_issuer',
  event_audience: 'invalid_audience',
  event_key: 'invalid_key',
  event_signature: 'authentication_failed',
}

/**
 * Takes a security event token. One that comes again is answered as the first time, and does nothing.
 *
 * @see RFC 8935 §2; TMB-67
 */
export async function receiveEvent(c: BrokerContext): Promise<Response> {
  const token = await verify(c)
  if (!token) throw new BrokerError('invalid_request', 'provider_sends_no_events', { status: 404 })
  const name = `event/${await sha256(token.jti)}`
  const isKnown = await isUsed(c.env, name)
  for (const event of isKnown ? [] : token.events) await heed(c, event, token.iat)
  // Marked last: whatever failed before, the provider sends again.
  if (!isKnown) await useOnce(c.env, name, token.iat + MAX_EVENT_AGE_SECONDS)
  const reason = token.events.map(({ type }) => type).join(' ')
  audit(c, 'security_event', { reason, outcome: isKnown ? 'duplicate' : 'ok' })
  return c.body(null, 202)
}

async function verify(c: BrokerContext): Promise<SecurityEventToken | undefined> {
  try {
    const jwt = await readBody(c, 'application/secevent+jwt', MAX_EVENT_BYTES)
    return await verifySecurityEvent(c.get('config'), jwt)
  } catch (error) {
    if (!(error instanceof BrokerError) || error.failure.code !== 'invalid_request') throw error
    c.header('Content-Language', 'en')
    const { code, reason } = error.failure
    const err = ERRORS[reason] ?? 'invalid_request'
    const description = 'This is no security event token for this broker.'
    throw new BrokerError(code, reason, { cause: error, members: { err, description } })
  }
}

/** Tells every subject it may concern; each knows by itself what is meant. */
async function heed(c: BrokerContext, event: SecurityEvent, at: number): Promise<void> {
  const config = c.get('config')
  const { type, sub } = event
  const name = endsAnything(type) ? await nameOf(config, event) : undefined
  if (name === undefined) return
  const linked = await findSubjects(c.env, name)
  const subjects = new Set([...linked, ...(await subjectsOf(config, sub))])
  const telling = [...subjects].map((subject) =>
    askSubject(c.env.SUBJECTS, subject, (stub) => stub.applySecurityEvent({ type, name, at })),
  )
  await Promise.all(telling)
}

/** What an event is about: one token, or all of an account. */
async function nameOf(
  config: Config,
  { type, sub, token }: SecurityEvent,
): Promise<string | undefined> {
  if (type === 'token_revoked') return token && tokenName(config, token)
  return sub === undefined ? undefined : accountName(config, sub)
}

/** The subjects of an account at every client whose users are the provider's; those of others are noted when they consent. */
async function subjectsOf(
  { clients, issuer, pseudonyms }: Config,
  sub: string | undefined,
): Promise<string[]> {
  if (sub === undefined) return []
  const own = [...clients.values()].filter(({ app_issuer }) => !app_issuer)
  return Promise.all(own.map(({ id }) => pseudonyms.subjectKey({ client: id, iss: issuer, sub })))
}
