/** This file is what OAuth mode hands to a browser sealed: refresh token, access token, code and request_uri. */

import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { open, seal } from '../crypto/seal.ts'
import type { Session } from './session-cookie.ts'

/** A session of OAuth mode: worth nothing without the key it is bound to. */
export interface BoundSession extends Session {
  /** SHA-256 thumbprint of the key; RFC 7638. */
  jkt: string
  /** The bundle it began with, which a request without `scope` means; RFC 6749 §6. */
  bundle: string
}

/** What a frontend asked for at `/authorize` or `/par`; RFC 6749 §4.1.1. */
export interface AuthorizationRequest {
  client: string
  bundle: string
  redirect_uri: string
  response_mode: 'query' | 'web_message'
  /** RFC 7636 §4.2, `S256`. */
  code_challenge: string
  state?: string
  /** The key the code is bound to; RFC 9449 §10. */
  dpop_jkt?: string
  prompt?: 'consent' | 'select_account'
  login_hint?: string
}

/** Whose a pushed request is: the only one who may redeem what comes of it. */
export interface UserIdentifier {
  subject: string
  sub: string
}

/** A pushed authorization request; RFC 9126. */
export interface PushedRequest {
  request: AuthorizationRequest
  app_user: UserIdentifier
  exp: number
}

/** An authorization code. It holds what has to fit; what it stands for waits with its subject. */
export interface AuthorizationCode {
  /** Random, 128 bits: names the pending grant. */
  id: string
  client: string
  bundle: string
  /** Where the pending grant waits. */
  subject: string
  /** The user at the provider, or at the app's issuer. */
  sub: string
  redirect_uri: string
  code_challenge: string
  dpop_jkt?: string
  /** Whether it belongs to an app's user, and so to a JWT of that user. */
  is_app_user: boolean
  exp: number
}

interface BrowserTokens {
  refresh: BoundSession
  access: BoundSession
  code: AuthorizationCode
  request: PushedRequest
}

/** Longer texts are none of ours (TMB-73). */
const MAX_LENGTH = 8 * 1024

/** Seals a handle. */
export async function sealBrowserToken<T extends keyof BrowserTokens>(
  config: Config,
  type: T,
  handle: BrowserTokens[T],
): Promise<string> {
  return seal(config.keyring, { type, at: config.base_url }, handle)
}

/** Opens a handle; `undefined` for a forged or an expired one, and for one of another kind. */
export async function openBrowserToken<T extends keyof BrowserTokens>(
  config: Config,
  type: T,
  text: string,
): Promise<BrowserTokens[T] | undefined> {
  if (text.length > MAX_LENGTH) return undefined
  const handle = (await open(config.keyring, { type, at: config.base_url }, text)) as
    | BrowserTokens[T]
    | undefined
  return handle && handle.exp > now() ? handle : undefined
}
