/** `POST /events`: receives security events about accounts and tokens; Google's Cross-Account Protection. */

import type { Config } from '../config/config.ts'
import { sha256 } from '../crypto/digest.ts'
import { BrokerError, failureOf } from '../errors.ts'
import type { SecurityEventError } from '../protocol/http.ts'
import { audit, type BrokerContext } from '../routes/http/context.ts'
import { readBody } from '../routes/http/read-request.ts'
import { isUsed, useOnce } from '../session/one-time-use.ts'
import { accountName, tokenName } from '../subject/provider-names.ts'
import { endsAnything } from '../subject/security-event.ts'
import { askSubject } from '../subject/stub.ts'
import type { EventClaim, SecurityEventToken } from './security-event-token.ts'
import { MAX_EVENT_AGE_SECONDS, verifySecurityEvent } from './security-event-token.ts'
import { findSubjects } from './subject-index.ts'

/** The largest security event token that is read, in bytes. */
const MAX_EVENT_BYTES = 16 * 1024

/** The `err` of each reason; `invalid_request` for all others; RFC 8935 §2.4. */
const ERRORS: Readonly<Record<string, SecurityEventError>> = {
  event_issuer: 'invalid_issuer',
  event_audience: 'invalid_audience',
  event_key: 'invalid_key',
  event_signature: 'authentication_failed',
}

/**
 * Receives a security event token. A repeated one gets the same answer, and is not applied again.
 *
 * @see RFC 8935 §2; TMB-67
 */
export async function receiveEvent(c: BrokerContext): Promise<Response> {
  const token = await verify(c)
  if (!token) throw new BrokerError('provider_sends_no_events')
  const name = `event/${await sha256(token.jti)}`
  const isKnown = await isUsed(c.env, name)
  for (const event of isKnown ? [] : token.events) await applyEvent(c, event, token.iat)
  // Marked as used only now: after a failure, the provider sends the event again.
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
    const { code, reason } = failureOf(error)
    if (code !== 'invalid_request') throw error
    c.header('Content-Language', 'en')
    const err = ERRORS[reason] ?? 'invalid_request'
    const description = 'This is no security event token for this broker.'
    throw new BrokerError(reason, { cause: error, members: { err, description } })
  }
}

/** Applies an event to all subjects that may have the account or token it names; each subject checks that. */
async function applyEvent(c: BrokerContext, event: EventClaim, at: number): Promise<void> {
  const config = c.get('config')
  const { type, sub } = event
  const name = endsAnything(type) ? await nameOf(config, event) : undefined
  if (name === undefined) return
  const indexed = await findSubjects(c.env, name)
  const subjects = new Set([...indexed, ...(await subjectsOf(config, sub))])
  const applying = [...subjects].map((subject) =>
    askSubject(c.env.SUBJECTS, subject, (stub) => stub.applySecurityEvent({ type, name, at })),
  )
  await Promise.all(applying)
}

/** The provider name of what an event is about: one token, or an account. */
async function nameOf(config: Config, event: EventClaim): Promise<string | undefined> {
  const { type, sub, token } = event
  if (type === 'token_revoked') return token && tokenName(config, token)
  return sub === undefined ? undefined : accountName(config, sub)
}

/** The subjects of an account, at clients that sign in with the provider. The index has those of other clients. */
async function subjectsOf(config: Config, sub: string | undefined): Promise<string[]> {
  if (sub === undefined) return []
  const { clients, issuer, pseudonyms } = config
  const own = [...clients.values()].filter(({ app_issuer }) => !app_issuer)
  return Promise.all(own.map(({ id }) => pseudonyms.subjectKey({ client: id, iss: issuer, sub })))
}
