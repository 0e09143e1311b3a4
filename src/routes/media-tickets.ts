/** `POST /media`: issues tickets for media items, which a page cannot fetch itself because Google wants a token. */

import { array, maxLength, minLength, pipe, strictObject, string } from 'valibot'
import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { parseMediaUrl } from '../google/media-url.ts'
import type { MediaResponse } from '../protocol/http.ts'
import { sealTicket, TICKET_SECONDS } from '../session/media-ticket.ts'
import { authenticate } from './guards/either-mode.ts'
import { findBundle } from './guards/lookup.ts'
import { audit, type BrokerContext } from './http/context.ts'
import { readJson } from './http/read-request.ts'
import { issueToken } from './issue-token.ts'

/** The longest URL of a media item, in characters: a ticket with it fits into a URL of the broker. */
const MAX_MEDIA_URL_LENGTH = 2048
const MAX_URLS = 100
const MAX_BYTES = 256 * 1024

const BODY = strictObject({
  bundle: pipe(string(), maxLength(64)),
  urls: pipe(
    array(pipe(string(), maxLength(MAX_MEDIA_URL_LENGTH))),
    minLength(1),
    maxLength(MAX_URLS),
  ),
})

/** Issues a ticket for each URL, in their order, if an access token of the bundle can be issued. */
export async function issueTickets(c: BrokerContext): Promise<Response> {
  const config = c.get('config')
  const principal = await authenticate(c)
  const body = await readJson(c, BODY, MAX_BYTES)
  const bundle = findBundle(config, principal.client, body.bundle)
  const urls = body.urls.map((text) => requireMediaUrl(config, text))
  await issueToken(c, principal, bundle, { min_ttl: TICKET_SECONDS })
  const { credential, client, subject } = principal
  const content = {
    client: client.id,
    subject,
    ...(credential.kind === 'session' ? { session: credential.id } : {}),
    scope: bundle.scopes.join(' '),
  }
  const tickets = await Promise.all(
    urls.map(async (url) => sealTicket(config, { ...content, url })),
  )
  const response: MediaResponse = {
    media: tickets.map((ticket) => ({
      url: `${config.base_url}/media/${ticket}`,
      expires_in: TICKET_SECONDS,
    })),
  }
  audit(c, 'media_issued')
  return c.json(response)
}

function requireMediaUrl(config: Config, text: string): string {
  const url = parseMediaUrl(config, text)
  if (url === undefined || url.length > MAX_MEDIA_URL_LENGTH)
    throw new BrokerError('invalid_request', 'media_url_not_allowed')
  return url
}
