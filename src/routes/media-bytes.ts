/** This file is `GET /media/TICKET`: the bytes of a media item, streamed to whoever has the ticket, readable by its client. */

import type { Bundle } from '../config/bundles.ts'
import type { Client } from '../config/clients.ts'
import type { Config } from '../config/config.ts'
import { sha256 } from '../crypto/digest.ts'
import { BrokerError, failureOf } from '../errors.ts'
import { fetchMedia } from '../google/media.ts'
import { type MediaTicket, openToken } from '../session/tokens.ts'
import { authorizeUrl } from './guards/lookup.ts'
import type { TokenOwner } from './guards/principal.ts'
import type { BrokerContext } from './http/context.ts'
import { DEFAULT_MIN_TTL_SECONDS, issueToken } from './issue-token.ts'
import { toMediaResponse } from './media-answer.ts'

/** A ticket, and what it names that is still so. */
interface Admission {
  ticket: MediaTicket
  client: Client
  bundle: Bundle
}

/** Conditions that go to the media host as they are; RFC 9110 §13.1. */
const CONDITIONS = ['If-Range', 'If-None-Match', 'If-Modified-Since']

/** Streams the bytes, or the part of them that was asked for. */
export async function relayMedia(c: BrokerContext): Promise<Response> {
  const admission = await admitTicket(c)
  if (!admission) throw new BrokerError('invalid_request', 'ticket_invalid')
  allowReading(c, admission.client)
  return toMediaResponse(c, await askHost(c, admission), admission.ticket.exp)
}

/** Answers the preflight of a conditional request: the ticket says whose origins may send one (TMB-35). */
export async function preflightMedia(c: BrokerContext): Promise<Response> {
  const admission = await admitTicket(c)
  if (!admission || !allowReading(c, admission.client))
    throw new BrokerError('access_denied', 'origin_not_allowed')
  return c.body(null, 204, {
    'Access-Control-Allow-Headers': ['Range', ...CONDITIONS].join(', '),
    'Access-Control-Allow-Methods': 'GET, HEAD',
    'Access-Control-Max-Age': '600',
  })
}

async function admitTicket(c: BrokerContext): Promise<Admission | undefined> {
  const config = c.get('config')
  const ticket = await openToken(config, 'media', c.req.param('ticket') ?? '')
  const client = ticket && config.clients.get(ticket.client)
  const bundle = client && bundleOf(config, client, ticket.scope)
  return ticket && client && bundle && { ticket, client, bundle }
}

/** The configuration may have changed since: the client must still have a bundle of these scopes. */
function bundleOf({ bundles }: Config, client: Client, scope: string): Bundle | undefined {
  return [...client.bundles]
    .map((name) => bundles.get(name))
    .find((bundle) => bundle?.scopes.join(' ') === scope)
}

/** Lets scripts of the client's origins read the answer. Anybody may show it: a ticket is a credential of its own. */
function allowReading(c: BrokerContext, { origins }: Client): boolean {
  const origin = c.req.header('Origin')
  if (origin === undefined || !origins.has(origin)) return false
  c.header('Access-Control-Allow-Origin', origin)
  c.header(
    'Access-Control-Expose-Headers',
    'Content-Length, Content-Range, Accept-Ranges, ETag, Retry-After',
  )
  return true
}

/** Asks the media host, and once more with another token where it refuses this one. */
async function askHost(c: BrokerContext, admission: Admission): Promise<Response> {
  const { method } = c.req.raw
  const request = { method, url: admission.ticket.url, headers: conditionsOf(c) }
  const token = await accessToken(c, admission)
  const answer = await fetchMedia(c.get('config'), token, request)
  if (answer.status !== 401) return answer
  await answer.body?.cancel()
  const other = await accessToken(c, admission, await sha256(token))
  return fetchMedia(c.get('config'), other, request)
}

/** Gets the token as a hand-out does; whatever ended the consent has closed the ticket. */
async function accessToken(
  c: BrokerContext,
  { ticket, client, bundle }: Admission,
  rejected?: string,
): Promise<string> {
  const { session, subject } = ticket
  const owner: TokenOwner = {
    client,
    subject,
    credential: session === undefined ? { kind: 'app_user' } : { kind: 'session', id: session },
    connectUrl: (name) => authorizeUrl(c.get('config'), client, name),
    toClientError: (refusal) => refusal,
  }
  try {
    const preferences = { min_ttl: DEFAULT_MIN_TTL_SECONDS, rejected }
    return (await issueToken(c, owner, bundle, preferences)).access_token
  } catch (cause) {
    if (failureOf(cause).code !== 'consent_required') throw cause
    throw new BrokerError('login_required', 'ticket_closed', { cause })
  }
}

/** Several ranges at once would come back as `multipart/byteranges`, which is no image; RFC 9110 §14.2 lets us ignore them. */
function conditionsOf(c: BrokerContext): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of CONDITIONS) {
    const value = c.req.header(name)
    if (value !== undefined) headers[name] = value
  }
  const range = c.req.header('Range')
  return range !== undefined && /^bytes=\d*-\d*$/.test(range)
    ? { ...headers, Range: range }
    : headers
}
