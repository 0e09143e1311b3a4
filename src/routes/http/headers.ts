/** The headers of answers: the default ones, and helpers for others. */

import type { BrokerContext } from './context.ts'

/** The policy of answers that are not pages (TMB-72). */
const DATA_CSP = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox"

const HEADERS: readonly (readonly [name: string, value: string])[] = [
  ['Cache-Control', 'no-store'], // TMB-70, RFC 6749 §5.1
  ['Content-Security-Policy', DATA_CSP],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Cross-Origin-Resource-Policy', 'same-origin'], // TMB-71
  ['Referrer-Policy', 'no-referrer'],
  ['Strict-Transport-Security', 'max-age=31536000; includeSubDomains'],
  ['X-Content-Type-Options', 'nosniff'],
]

/** Picks headers by name; those that are missing are left out. */
export function pickHeaders(headers: Headers, names: readonly string[]): Record<string, string> {
  const pairs = names.map((name) => [name, headers.get(name)] as const)
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== null))
}

/**
 * Lets a popup keep the reference to its opener. Browsers apply the policy to redirects as well, so every answer
 * on the way sets it.
 *
 * @see https://html.spec.whatwg.org/multipage/browsers.html#cross-origin-opener-policies
 */
export function keepOpener(c: BrokerContext): void {
  c.header('Cross-Origin-Opener-Policy', 'unsafe-none')
}

/** Sets the headers that an answer has not set itself; on this machine no HSTS, which would be for every port of it. */
export function setDefaultHeaders(headers: Headers, isLoopback: boolean): void {
  for (const [name, value] of HEADERS) {
    if (!headers.has(name)) headers.set(name, value)
  }
  if (isLoopback) headers.delete('Strict-Transport-Security')
  headers.append('Vary', 'Origin') // TMB-35
}
