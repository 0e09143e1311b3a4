/** This file is `POST /media`: tickets for media items, which a page can neither fetch nor show by itself. */

import { array, maxLength, minLength, pipe, strictObject, string } from 'valibot'
import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { parseMediaUrl } from '../google/media.ts'
import type { MediaResponse } from '../protocol/http.ts'
import { sealToken, TICKET_SECONDS } from '../session/tokens.ts'
import { authenticate } from './guards/either-mode.ts'
import { findBundle } from './guards/lookup.ts'
import { audit, type BrokerContext, readJson } from './http/context.ts'
import { issueToken } from './issue-token.ts'

/** With it, a ticket fits into a URL that we take. */
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

/** Answers with a ticket for each URL, in their order, once a token of the bundle can be had; else with none. */
export async function issueTickets(c: BrokerContext): Promise<Response> {
  const config = c.get('config')
  const principal = await authenticate(c)
  const body = await readJson(c, BODY, MAX_BYTES)
  const bundle = findBundle(config, principal.client, body.bundle)
  const urls = body.urls.map((text) => requireMediaUrl(config, text))
  await issueToken(c, principal, bundle, { min_ttl: TICKET_SECONDS })
  const { credential, client, subject } = principal
  const right = {
    client: client.id,
    subject,
    ...(credential.kind === 'session' ? { session: credential.id } : {}),
    scope: bundle.scopes.join(' '),
    exp: now() + TICKET_SECONDS,
  }
  const sealing = urls.map(async (url) => sealToken(config, 'media', { ...right, url }))
  const tickets = await Promise.all(sealing)
  const answer: MediaResponse = {
    media: tickets.map((ticket) => ({
      url: `${config.base_url}/media/${ticket}`,
      expires_in: TICKET_SECONDS,
    })),
  }
  audit(c, 'media_issued')
  return c.json(answer)
}

function requireMediaUrl(config: Config, text: string): string {
  const url = parseMediaUrl(config, text)
  if (url === undefined || url.length > MAX_MEDIA_URL_LENGTH)
    throw new BrokerError('invalid_request', 'media_url_not_allowed')
  return url
}
