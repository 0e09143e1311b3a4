/** This file is how users are named in storage and logs: by a keyed hash, never by who they are. */

import { base64url } from './digest.ts'

/** Who a grant belongs to; the three together are the identity (TMB-43). */
export interface Identity {
  client: string
  /** The provider that vouches for `sub`. */
  iss: string
  /** Unique and stable within `iss`; OpenID Connect Core §2. */
  sub: string
}

/** Names subjects under `PSEUDONYM_KEY`, which never rotates: another key would orphan every record (TMB-57). */
export interface Pseudonyms {
  /** 43 characters of base64url, whatever the length of the identity. */
  subjectKey(identity: Identity): Promise<string>
  /** Names whatever else is told apart by several texts; the same length, and no subject has the same. */
  name(kind: 'account' | 'token', ...texts: readonly string[]): Promise<string>
}

/** Makes the pseudonyms of a 256-bit secret; HMAC-SHA256 over a JSON array, which no two identities share. */
export function createPseudonyms(secret: Uint8Array<ArrayBuffer>): Pseudonyms {
  let key: CryptoKey | undefined
  const hmac = async (...texts: readonly string[]): Promise<string> => {
    key ??= await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, [
      'sign',
    ])
    const bytes = new TextEncoder().encode(JSON.stringify(texts))
    return base64url(await crypto.subtle.sign('HMAC', key, bytes))
  }
  return {
    subjectKey: ({ client, iss, sub }) => hmac('subject', client, iss, sub),
    name: hmac,
  }
}
