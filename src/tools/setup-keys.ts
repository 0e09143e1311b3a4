/** The operator's secrets: makes missing ones, adds a new key, removes an old one. */

import { randomKey, type Secrets } from './secrets-file.ts'

/** The secrets that are made here. Cloudflare never shows them again. */
const MADE = ['ENCRYPTION_KEYS', 'PSEUDONYM_KEY'] as const

/**
 * Makes the keys that neither the file nor Cloudflare has.
 *
 * @param deployed the names of the secrets that the deployed broker has
 * @returns the keys that were made; or, as text, why none may be made: another `PSEUDONYM_KEY` would lose every record
 */
export function makeMissing(kept: Secrets, deployed: ReadonlySet<string>): Secrets | string {
  const missing = MADE.filter((name) => !kept[name])
  const lost = missing.filter((name) => deployed.has(name))
  if (lost.length > 0) {
    return `The deployed broker has ${lost.join(' and ')}, and this file has not. Use the file that the first setup wrote.`
  }
  const make = { ENCRYPTION_KEYS: () => `k1:${randomKey()}`, PSEUDONYM_KEY: randomKey }
  return Object.fromEntries(missing.map((name) => [name, make[name]()]))
}

/** Adds a new key in front of `ENCRYPTION_KEYS`: it encrypts from then on, and the others still decrypt. */
export function withNewKey(list: string): string {
  const numbers = kidsOf(list).map((kid) => Number(/^k(\d{1,9})$/.exec(kid)?.[1] ?? 0))
  return `k${Math.max(0, ...numbers) + 1}:${randomKey()},${list}`
}

/** Removes a key. @returns as text: why it may not be removed */
export function withoutKey(list: string, kid: string): { list: string } | string {
  const kids = kidsOf(list)
  if (!kids.includes(kid)) return `There is no key ${kid}; there is ${kids.join(', ')}.`
  if (kids[0] === kid) return `${kid} is the key that seals. Make a new one first: --new-key.`
  const rest = list.split(',').filter((entry) => entry.trim().split(':')[0] !== kid)
  return { list: rest.join(',') }
}

/** The names in `ENCRYPTION_KEYS`, in order. */
export function kidsOf(list: string): string[] {
  return list.split(',').map((entry) => entry.trim().split(':')[0] ?? '')
}

/** Finds the client secret in a text from Google's console: the secret alone, or its JSON file. */
export function clientSecretIn(text: string): string | undefined {
  const trimmed = text.trim()
  if (!trimmed.startsWith('{')) return trimmed === '' || /\s/.test(trimmed) ? undefined : trimmed
  try {
    const { web } = JSON.parse(trimmed) as { web?: { client_secret?: unknown } }
    return typeof web?.client_secret === 'string' ? web.client_secret : undefined
  } catch {
    return undefined
  }
}
