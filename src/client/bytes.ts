/** Bytes as OAuth writes them: base64url without padding, SHA-256 and random values. */

/** Writes bytes as base64url; RFC 4648 §5. */
export function base64url(bytes: ArrayBuffer | Uint8Array): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes as ArrayBuffer)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/** Encodes text as UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

/** Hashes text with SHA-256, in base64url. */
export async function sha256(text: string): Promise<string> {
  return base64url(await crypto.subtle.digest('SHA-256', utf8(text)))
}

/** Makes 256 random bits, in base64url. */
export function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)))
}
