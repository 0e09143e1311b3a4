/** This file is how the page names a token that Google refused without sending it: by its hash. */

/**
 * @param {string} text
 * @returns {Promise<string>} base64url
 */
export async function sha256(text) {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  const base64 = btoa(String.fromCharCode(...new Uint8Array(digest)))
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
