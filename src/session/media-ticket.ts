/** This file is the media ticket: the right to read one media item for a quarter of an hour, sealed into a URL. */

import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { open, seal } from '../crypto/seal.ts'

/** What a ticket is good for. Whoever has it needs no other credential. */
export interface MediaTicket {
  client: string
  /** Whose access token opens the media item. */
  subject: string
  /** The session it was issued to, and ends with; left out for an app's user, who has none. */
  session?: string
  /** The bundle's scopes, canonical, space-separated. */
  scope: string
  /** The one media URL. */
  url: string
  exp: number
}

/** How long a ticket lives. */
export const TICKET_SECONDS = 15 * 60

/** Longer texts are none of ours (TMB-73). */
const MAX_LENGTH = 8 * 1024

/** Seals a ticket, whose life begins now. */
export async function sealTicket(
  config: Config,
  ticket: Omit<MediaTicket, 'exp'>,
): Promise<string> {
  const record: MediaTicket = { ...ticket, exp: now() + TICKET_SECONDS }
  return seal(config.keyring, { type: 'media', at: config.base_url }, record)
}

/** Opens a ticket; `undefined` for a forged or an expired one, and for anything else that is sealed. */
export async function openTicket(config: Config, text: string): Promise<MediaTicket | undefined> {
  if (text.length > MAX_LENGTH) return undefined
  const place = { type: 'media', at: config.base_url } as const
  const ticket = (await open(config.keyring, place, text)) as MediaTicket | undefined
  return ticket && ticket.exp > now() ? ticket : undefined
}
