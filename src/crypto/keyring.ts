/** The keyring: the key that seals, the older keys that still open, and a derived key for each purpose. */

/** What a derived key is used for; a key of one purpose opens nothing of another (TMB-55). */
export type Purpose = 'cookie' | 'oauth' | 'media' | 'storage'

/** The AES-256-GCM keys of `ENCRYPTION_KEYS`: the first one seals, every one opens. */
export interface Keyring {
  /** The `kid` of the key that seals. */
  readonly current: string
  /** The `kid` of every key that opens. */
  readonly kids: readonly string[]
  /** Derives the key of a `kid` for a purpose; `undefined` for an unknown or retired `kid`. */
  key(kid: string, purpose: Purpose): Promise<CryptoKey | undefined>
}

const KEY_BYTES = 32

/**
 * Makes a keyring of 256-bit secrets; the first one seals.
 *
 * HKDF-SHA256 (RFC 5869) derives one key for each secret and purpose, on first use. Derived keys are cached.
 */
export function createKeyring(secrets: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): Keyring {
  const derived = new Map<string, CryptoKey>()
  const kids = [...secrets.keys()]
  const current = kids[0]
  if (current === undefined) throw new TypeError('a keyring needs at least one key')
  return {
    current,
    kids,
    async key(kid, purpose) {
      const name = `${purpose}/${kid}`
      const secret = secrets.get(kid)
      const key = derived.get(name) ?? (secret && (await deriveKey(secret, purpose)))
      if (key) derived.set(name, key)
      return key
    },
  }
}

/**
 * Parses a comma-separated list of `kid:base64url(32 bytes)`.
 *
 * @returns the secrets in order, or a description of the first problem, which never contains a value
 */
export function parseEncryptionKeys(
  list: string,
): ReadonlyMap<string, Uint8Array<ArrayBuffer>> | string {
  const secrets = new Map<string, Uint8Array<ArrayBuffer>>()
  for (const [index, entry] of list.split(',').entries()) {
    const [, kid, encoded] = /^\s*([A-Za-z0-9_-]{1,32}):(.*?)\s*$/.exec(entry) ?? []
    if (kid === undefined || encoded === undefined) return `entry ${index + 1} is not kid:key`
    if (secrets.has(kid)) return `entry ${index + 1} repeats a kid`
    const secret = parseSecret(encoded)
    if (typeof secret === 'string') return `entry ${index + 1} ${secret}`
    if ([...secrets.values()].some((other) => isSame(other, secret)))
      return `entry ${index + 1} repeats a key under another kid`
    secrets.set(kid, secret)
  }
  return secrets
}

/** Parses 32 bytes of base64url. @returns the bytes, or a description of the problem without the value */
export function parseSecret(encoded: string): Uint8Array<ArrayBuffer> | string {
  let secret: Uint8Array<ArrayBuffer>
  try {
    secret = Uint8Array.fromBase64(encoded, { alphabet: 'base64url' })
  } catch {
    return 'is not base64url'
  }
  if (secret.length !== KEY_BYTES) return `has ${secret.length} bytes instead of ${KEY_BYTES}`
  if (new Set(secret).size < 8) return 'is a sample, not random bytes'
  return secret
}

/** Whether two secrets are equal. */
export function isSame(a: Uint8Array<ArrayBuffer>, b: Uint8Array<ArrayBuffer>): boolean {
  return a.every((byte, index) => byte === b[index])
}

async function deriveKey(secret: Uint8Array<ArrayBuffer>, purpose: Purpose): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey'])
  const info = new TextEncoder().encode(`photos-token-broker/${purpose}`)
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info }
  const aes = { name: 'AES-GCM', length: 256 }
  return crypto.subtle.deriveKey(hkdf, material, aes, false, ['encrypt', 'decrypt'])
}
