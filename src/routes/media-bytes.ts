/** `GET /media?ticket=TICKET`: streams a media item to anyone with the ticket; only pages of its client can read the bytes. */

import type { Bundle } from '../config/bundles.ts'
import { type Client, hasOrigin } from '../config/clients.ts'
import { sha256 } from '../crypto/digest.ts'
import { BrokerError, failureOf } from '../errors.ts'
import { fetchMedia, isFilm, type MediaRequest, stillOf } from '../google/media.ts'
import { type MediaTicket, openToken } from '../session/tokens.ts'
import { limit } from './guards/limits.ts'
import { authorizeUrl } from './guards/lookup.ts'
import type { TokenOwner } from './guards/principal.ts'
import type { BrokerContext } from './http/context.ts'
import { pickHeaders } from './http/headers.ts'
import { readParameters, required, requireNoneRepeated } from './http/read-request.ts'
import { issueToken, MIN_TTL_SECONDS } from './issue-token.ts'
import { requireMedia, toMediaResponse } from './media-answer.ts'

/** A valid ticket, with its client and bundle in the current configuration. */
interface VerifiedTicket {
  /** SHA-256 of its text, which names the ticket: it has one spelling only. */
  hash: string
  ticket: MediaTicket
  client: Client
  bundle: Bundle
}

/** When to ask again for a film that Google still processes, in seconds. */
const PROCESSING_SECONDS = 30

/** Headers that are forwarded to the media host; RFC 9110 §13.1. */
const CONDITIONS = ['If-Range', 'If-None-Match', 'If-Modified-Since']

/**
 * Streams the bytes, or the requested range of them.
 *
 * @throws {BrokerError} invalid_request: the ticket is not valid; slow_down: it is used too often; login_required: the
 *   grant has ended; else what `fetchMedia` and `requireMedia` throw
 */
export async function relayMedia(c: BrokerContext): Promise<Response> {
  const verified = await verifyTicket(c)
  allowReading(c, verified.client)
  await limit(c, 'MEDIA_LIMIT', verified.hash)
  const { ticket } = verified
  try {
    const request = { method: c.req.raw.method, url: ticket.url, headers: forwardedHeaders(c) }
    const response = await fetchFromHost(c, verified, request)
    return await toMediaResponse(c, response, ticket.exp)
  } catch (error) {
    throw isFilm(ticket.url) ? await whyNoFilm(c, verified, error) : error
  }
}

/**
 * Finds out whether a refused film is one that Google still processes. Google does not document how a media host
 * refuses such a film; but the still picture of its video is there, and is not when the `baseUrl` has ended.
 */
async function whyNoFilm(
  c: BrokerContext,
  verified: VerifiedTicket,
  error: unknown,
): Promise<unknown> {
  if (failureOf(error).code !== 'invalid_request') return error
  const request = { method: 'GET', url: stillOf(verified.ticket.url), headers: {} }
  try {
    const still = await fetchFromHost(c, verified, request)
    await still.body?.cancel()
    return new BrokerError('media_processing', { retry_after: PROCESSING_SECONDS })
  } catch (cause) {
    return failureOf(cause).code === 'invalid_request' ? error : cause
  }
}

/**
 * Answers the preflight of a conditional request (TMB-35).
 *
 * @throws {BrokerError} access_denied: the origin is not one of the ticket's client; invalid_request: no valid ticket
 */
export async function preflightMedia(c: BrokerContext): Promise<Response> {
  const verified = await verifyTicket(c)
  if (!allowReading(c, verified.client)) throw new BrokerError('origin_of_other_client')
  return c.body(null, 204, {
    'Access-Control-Allow-Headers': ['Range', ...CONDITIONS].join(', '),
    'Access-Control-Allow-Methods': 'GET, HEAD',
    'Access-Control-Max-Age': '600',
  })
}

async function verifyTicket(c: BrokerContext): Promise<VerifiedTicket> {
  const config = c.get('config')
  const { parameters, repeated } = readParameters(new URL(c.req.url).searchParams)
  requireNoneRepeated(repeated)
  const text = required(parameters, 'ticket')
  const ticket = await openToken(config, 'media', text)
  const client = ticket && config.clients.get(ticket.client)
  const bundles = [...(client?.bundles ?? [])].map((name) => config.bundles.get(name))
  const bundle = bundles.find((bundle) => bundle?.scopes.join(' ') === ticket?.scope)
  if (!client || !bundle) throw new BrokerError('ticket_invalid')
  return { hash: await sha256(text), ticket, client, bundle }
}

/** Lets scripts of the client's origins read the answer. Other pages can only show it. */
function allowReading(c: BrokerContext, client: Client): boolean {
  const origin = c.req.header('Origin')
  if (origin === undefined || !hasOrigin(client, origin)) return false
  c.header('Access-Control-Allow-Origin', origin)
  c.header(
    'Access-Control-Expose-Headers',
    'Content-Length, Content-Range, Accept-Ranges, ETag, Retry-After, Server-Timing',
  )
  return true
}

/**
 * Fetches a media item; if its host rejects the token, tries again with another one, if there may be one.
 *
 * @throws {BrokerError} login_required: the grant has ended; what `fetchMedia` and `requireMedia` throw
 */
async function fetchFromHost(
  c: BrokerContext,
  verified: VerifiedTicket,
  request: MediaRequest,
): Promise<Response> {
  const ask = (token: string): Promise<Response> =>
    c.get('timings').measure('google', fetchMedia(c.get('config'), token, request))
  const token = await accessToken(c, verified)
  let response = await ask(token)
  if (response.status === 401) {
    await response.body?.cancel()
    const other = await accessToken(c, verified, await sha256(token)).catch(noneIfForcedTooOften)
    if (other !== undefined) response = await ask(other)
  }
  await requireMedia(response, request.url)
  return response
}

function noneIfForcedTooOften(error: unknown): undefined {
  if (failureOf(error).reason !== 'forced_too_often') throw error
}

/** Issues an access token; a ticket whose grant or session has ended is closed. */
async function accessToken(
  c: BrokerContext,
  { ticket, client, bundle }: VerifiedTicket,
  rejected?: string,
): Promise<string> {
  const { session, subject } = ticket
  const owner: TokenOwner = {
    client,
    subject,
    credential: session === undefined ? { kind: 'app_user' } : { kind: 'session', id: session },
    connectUrl: (name) => authorizeUrl(c.get('config'), client, name),
    toClientError: (error) => error,
  }
  try {
    const preferences = { min_ttl: MIN_TTL_SECONDS.default, rejected, is_for_relay: true }
    return (await issueToken(c, owner, bundle, preferences)).access_token
  } catch (cause) {
    if (failureOf(cause).code !== 'consent_required') throw cause
    throw new BrokerError('ticket_closed', { cause })
  }
}

/** A `Range` of several parts is ignored (RFC 9110 §14.2): its answer would be `multipart/byteranges`, not an image. */
function forwardedHeaders(c: BrokerContext): Record<string, string> {
  const isOneRange = /^bytes=\d*-\d*$/.test(c.req.header('Range') ?? '')
  return pickHeaders(c.req.raw.headers, isOneRange ? ['Range', ...CONDITIONS] : CONDITIONS)
}
