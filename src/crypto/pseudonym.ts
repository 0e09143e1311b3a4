/** Pseudonyms: keyed hashes that name users in storage and logs. */

import { base64url } from './digest.ts'

/** The owner of a grant; all three members together identify it (TMB-43). */
export interface Identity {
  client: string
  /** The issuer that asserts `sub`. */
  iss: string
  /** Unique and stable within `iss`; OpenID Connect Core §2. */
  sub: string
}

/** Keyed hashes under `PSEUDONYM_KEY`, which never rotates: no record would be found under another key (TMB-57). */
export interface Pseudonyms {
  /** Computes the subject key of an identity; always 43 characters of base64url. */
  subjectKey(identity: Identity): Promise<string>
  /** Computes the name of an account or a token; 43 characters of base64url, never equal to a subject key. */
  name(kind: 'account' | 'token', ...texts: readonly string[]): Promise<string>
}

/** Makes pseudonyms with a 256-bit secret: HMAC-SHA256 over a JSON array, which is unique to the identity. */
export function createPseudonyms(secret: Uint8Array<ArrayBuffer>): Pseudonyms {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  let key: CryptoKey | undefined
  const hmac = async (...texts: readonly string[]): Promise<string> => {
    key ??= await crypto.subtle.importKey('raw', secret, algorithm, false, ['sign'])
    const bytes = new TextEncoder().encode(JSON.stringify(texts))
    return base64url(await crypto.subtle.sign('HMAC', key, bytes))
  }
  return {
    subjectKey: ({ client, iss, sub }) => hmac('subject', client, iss, sub),
    name: hmac,
  }
}
