/** Provider names: keyed hashes of the accounts and refresh tokens that security events name, and their index. */

import { logError } from '../audit/log.ts'
import type { Config } from '../config/config.ts'
import { base64url } from '../crypto/digest.ts'
import type { Grant } from './grant.ts'

/** How a security event identifies a refresh token without revealing it. */
export interface TokenIdentifier {
  alg: 'prefix' | 'hash_base64_sha512_sha512'
  token: string
}

/** The length of a refresh token's prefix, in characters. */
const PREFIX_LENGTH = 16

/** Computes the name of an account at the provider. */
export async function accountName({ issuer, pseudonyms }: Config, sub: string): Promise<string> {
  return `name/${await pseudonyms.name('account', issuer, sub)}`
}

/** Computes the name of a refresh token from its identifier. */
export async function tokenName(config: Config, identifier: TokenIdentifier): Promise<string> {
  const { alg, token } = identifier
  const text = alg === 'prefix' ? token : toBase64url(token)
  return `name/${await config.pseudonyms.name('token', alg, text)}`
}

/** Computes all names of a refresh token, one for each way to identify it. */
export async function namesOfToken(
  config: Config,
  { refresh_token }: Pick<Grant, 'refresh_token'>,
): Promise<string[]> {
  const once = await crypto.subtle.digest('SHA-512', new TextEncoder().encode(refresh_token))
  const twice = base64url(await crypto.subtle.digest('SHA-512', once))
  const identifiers: TokenIdentifier[] = [
    { alg: 'prefix', token: refresh_token.slice(0, PREFIX_LENGTH) },
    { alg: 'hash_base64_sha512_sha512', token: twice },
  ]
  return Promise.all(identifiers.map((identifier) => tokenName(config, identifier)))
}

/**
 * Adds a subject to the index under each name. Never fails: without the entry, an event on that token finds no
 * subject, and the next refresh gets `invalid_grant` instead.
 */
export async function addToIndex(env: Env, names: string[], subject: string): Promise<void> {
  try {
    await Promise.all(names.map((name) => env.SUBJECT_INDEX.getByName(name).add(name, subject)))
  } catch (error) {
    logError('name_not_noted', error, { subject })
  }
}

/** Converts base64 of either alphabet to base64url without padding. */
function toBase64url(text: string): string {
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
