/** `POST /media`: issues tickets for media items, which a page cannot fetch itself because Google wants a token. */

import * as v from 'valibot'
import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { BrokerError, describe } from '../errors.ts'
import { parseMediaUrl } from '../google/media.ts'
import type { MediaRefusal, MediaResponse } from '../protocol/http.ts'
import { sealToken, TICKET_SECONDS } from '../session/tokens.ts'
import { authenticate } from './guards/either-mode.ts'
import { findBundle } from './guards/lookup.ts'
import { audit, auditFailure, type BrokerContext } from './http/context.ts'
import { BUNDLE_NAME, readJson } from './http/read-request.ts'
import { issueToken } from './issue-token.ts'

/** The longest URL of a media item, in characters: a ticket with it fits into the URL of an address. */
const MAX_MEDIA_URL_LENGTH = 2048
const MAX_URLS = 100
const MAX_BODY_BYTES = 256 * 1024

const BODY = v.strictObject({
  bundle: BUNDLE_NAME,
  urls: v.pipe(
    v.array(v.string('urls_shape'), 'urls_shape'),
    v.minLength(1, 'urls_shape'),
    v.maxLength(MAX_URLS, 'urls_shape'),
  ),
})

/**
 * Issues a ticket for each URL, in their order, if an access token of the bundle can be issued. A URL that is refused
 * has its error in its place; the log has one record of it for the whole request.
 */
export async function issueTickets(c: BrokerContext): Promise<Response> {
  const config = c.get('config')
  const principal = await authenticate(c)
  const body = await readJson(c, BODY, MAX_BODY_BYTES)
  const bundle = findBundle(config, principal.client, body.bundle)
  await issueToken(c, principal, bundle, { min_ttl: TICKET_SECONDS })
  const { credential, client, subject } = principal
  const session = credential.kind === 'session' ? credential.id : undefined
  const exp = now() + TICKET_SECONDS
  const content = { client: client.id, subject, session, scope: bundle.scopes.join(' '), exp }
  const issueTicket = async (
    url: string | BrokerError,
  ): Promise<MediaResponse['media'][number]> => {
    if (typeof url !== 'string') return toRefusal(url)
    const ticket = await sealToken(config, 'media', { ...content, url })
    return { url: `${config.base_url}/media?ticket=${ticket}`, expires_in: TICKET_SECONDS }
  }
  const urls = body.urls.map((text) => readMediaUrl(config, text))
  const refused = urls.find((url) => url instanceof BrokerError)
  if (refused) auditFailure(c, refused, { status: 200 })
  if (urls.some((url) => typeof url === 'string')) audit(c, 'media_issued')
  const response: MediaResponse = { media: await Promise.all(urls.map(issueTicket)) }
  return c.json(response)
}

/** Reads the URL of a media item. @returns the error if no ticket is issued for it */
function readMediaUrl(config: Config, text: string): string | BrokerError {
  if (text.length > MAX_MEDIA_URL_LENGTH) return new BrokerError('media_url_length')
  const url = parseMediaUrl(config, text)
  if (url === undefined) return new BrokerError('media_url_not_allowed')
  return url.length > MAX_MEDIA_URL_LENGTH ? new BrokerError('media_url_length') : url
}

function toRefusal({ failure }: BrokerError): MediaRefusal {
  return { error: failure.code, error_description: describe(failure) }
}
