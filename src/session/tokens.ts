/** The sealed tokens that browsers hold: those of OAuth mode, and media tickets. */

import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { open, type RecordKind, seal } from '../crypto/seal.ts'
import type { Session } from './session-cookie.ts'

/** A session of OAuth mode: its tokens are useless without the key they are bound to. */
export interface BoundSession extends Session {
  /** SHA-256 thumbprint of the key; RFC 7638. */
  jkt: string
  /** The bundle of the first authorization; a request without `scope` means this one; RFC 6749 §6. */
  bundle: string
}

/** The parameters of `/authorize` or `/par`; RFC 6749 §4.1.1. */
export interface AuthorizationRequest {
  client: string
  bundle: string
  redirect_uri: string
  response_mode: 'query' | 'fragment' | 'web_message'
  /** RFC 7636 §4.2, `S256`. */
  code_challenge: string
  state?: string | undefined
  /** The key the code is bound to; RFC 9449 §10. */
  dpop_jkt?: string | undefined
  /** Of the values of `prompt`, those that are passed on to the provider; OpenID Connect Core §3.1.2.1. */
  prompt: readonly ('consent' | 'select_account')[]
  login_hint?: string | undefined
}

/** The app's user who pushed a request. Only this user may redeem the code. */
export interface UserIdentifier {
  subject: string
  sub: string
}

/** A pushed authorization request; RFC 9126. */
export interface PushedRequest {
  request: AuthorizationRequest
  /** Who pushed it, if it came with a JWT. */
  app_user?: UserIdentifier | undefined
  exp: number
}

/** An authorization request on the approval page, where the user decides whether it goes on. */
export interface AskedRequest extends PushedRequest {
  /** The name under which a request that was pushed with a JWT is used, once. */
  used_as?: string | undefined
  /** The id of the browser that shows the page; no other can go on. */
  browser: string
}

/** An authorization code. The consent itself is too large for a URL: it stays in the subject's Durable Object. */
export interface AuthorizationCode {
  /** Random, 128 bits: the id of the pending grant. */
  id: string
  client: string
  bundle: string
  /** The subject key of the Durable Object that stores the pending grant. */
  subject: string
  /** The user at the provider, or at the app's issuer. */
  sub: string
  redirect_uri: string
  code_challenge: string
  dpop_jkt?: string | undefined
  /** Whether an app's user began; then redeeming needs a JWT of that user. */
  is_app_user: boolean
  exp: number
}

/** The right to read one media item without any other credential. */
export interface MediaTicket {
  client: string
  /** The subject whose access token opens the media item. */
  subject: string
  /** The session that got the ticket; the ticket ends with it. Absent for an app's user, who has no session. */
  session?: string | undefined
  /** The bundle's scopes, canonical, space-separated. */
  scope: string
  /** The media URL, on Google's host. */
  url: string
  exp: number
}

/** How long a media ticket is accepted, in seconds. */
export const TICKET_SECONDS = 15 * 60

/** The largest token that is opened, in characters (TMB-73). */
const MAX_LENGTH = 8 * 1024

interface Tokens {
  refresh: BoundSession
  access: BoundSession
  code: AuthorizationCode
  request: PushedRequest
  approval: AskedRequest
  media: MediaTicket
}

const LIMITS = { max_length: MAX_LENGTH, expiresAt: ({ exp }: { exp: number }) => exp }

const KINDS: { readonly [T in keyof Tokens]: RecordKind<Tokens[T]> } = {
  refresh: { type: 'refresh', purpose: 'oauth', ...LIMITS },
  access: { type: 'access', purpose: 'oauth', ...LIMITS },
  code: { type: 'code', purpose: 'oauth', ...LIMITS },
  request: { type: 'request', purpose: 'oauth', ...LIMITS },
  approval: { type: 'approval', purpose: 'oauth', ...LIMITS },
  media: { type: 'media', purpose: 'media', ...LIMITS },
}

/** Seals a token. */
export async function sealToken<T extends keyof Tokens>(
  { base_url, keyring }: Config,
  type: T,
  token: Tokens[T],
): Promise<string> {
  return seal(keyring, { kind: KINDS[type], at: base_url }, token)
}

/** Opens a token; `undefined` for a forged or expired one, and for one of another type. */
export async function openToken<T extends keyof Tokens>(
  { base_url, keyring }: Config,
  type: T,
  text: string,
): Promise<Tokens[T] | undefined> {
  return open(keyring, { kind: KINDS[type], at: base_url }, text, now())
}
