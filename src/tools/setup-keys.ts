/** Changes to the operator's secrets: adds a new key, removes an old one, finds the client secret. */

import { randomKey } from './secrets-file.ts'

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
