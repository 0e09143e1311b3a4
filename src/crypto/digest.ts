/** Hashes, random ids and base64url. */

/** Hashes text with SHA-256; 43 characters of base64url. */
export async function sha256(text: string): Promise<string> {
  return base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}

/** Makes a random id of 128 bits; 22 characters of base64url. */
export function randomId(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(16)).buffer)
}

/** Encodes bytes as base64url without padding; RFC 4648 §5. */
export function base64url(bytes: ArrayBuffer): string {
  return new Uint8Array(bytes).toBase64({ alphabet: 'base64url', omitPadding: true })
}

/** Compares two texts in a time that does not depend on where they differ (TMB-26). */
export function timingSafeEqual(a: string, b: string): boolean {
  const [left, right] = [new TextEncoder().encode(a), new TextEncoder().encode(b)]
  return left.length === right.length && crypto.subtle.timingSafeEqual(left, right)
}
