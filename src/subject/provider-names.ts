/** This file is the names by which the provider speaks of a grant, each a keyed hash, and the notes that lead from them to the subject. */

import { logError } from '../audit/log.ts'
import type { Config } from '../config/config.ts'
import { base64url } from '../crypto/digest.ts'
import type { Grant } from './grant.ts'

/** How the provider names a refresh token without telling it. */
export interface TokenIdentifier {
  alg: 'prefix' | 'hash_base64_sha512_sha512'
  token: string
}

/** How many characters of a refresh token its prefix has. */
const PREFIX_LENGTH = 16

/** Names an account at the provider. */
export async function accountName({ issuer, pseudonyms }: Config, sub: string): Promise<string> {
  return `name/${await pseudonyms.name('account', issuer, sub)}`
}

/** Names a refresh token by what the provider says of it. */
export async function tokenName(
  { pseudonyms }: Config,
  { alg, token }: TokenIdentifier,
): Promise<string> {
  return `name/${await pseudonyms.name('token', alg, alg === 'prefix' ? token : unpadded(token))}`
}

/** Names the refresh token of a grant in every way the provider may. */
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
 * Has each name lead to a subject. Never fails: where a note is missing, the provider's word on that token finds
 * nobody, and the next refresh tells the same.
 */
export async function addToIndex(env: Env, names: string[], subject: string): Promise<void> {
  try {
    await Promise.all(names.map((name) => env.SUBJECT_INDEX.getByName(name).add(name, subject)))
  } catch (error) {
    logError('name_not_noted', error, { subject })
  }
}

/** Base64 of either alphabet, padded or not, in one spelling. */
function unpadded(text: string): string {
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
