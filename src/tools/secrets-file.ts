/** Files of secrets, as wrangler reads them: dotenv, where quotes and `$` mean something. */

import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'

/** Secrets by name. */
export type Secrets = Readonly<Record<string, string | undefined>>

/** Reads a file; as empty if there is none. */
export async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** Reads the text of a file of secrets. */
export function parseSecrets(text: string): Secrets {
  const entries = Object.entries(parseEnv(text))
  return Object.fromEntries(entries.map(([name, value]) => [name, value?.replaceAll('\\$', '$')]))
}

/**
 * Writes the text of a file of secrets.
 *
 * @throws {Error} a value cannot be written: it needs quotes, and contains all three kinds or a backslash at its end
 */
export function formatSecrets(secrets: Secrets): string {
  return Object.entries(secrets)
    .map(([name, value = '']) => `${name}=${quoted(name, value)}\n`)
    .join('')
}

/** Makes 32 random bytes, as base64url. */
export function randomKey(): string {
  return randomBytes(32).toString('base64url')
}

/**
 * Makes the keys of the broker that a file has not.
 *
 * @param kid the name of a first encryption key
 * @returns the new keys only
 */
export function makeMissingKeys(kept: Secrets, kid: string): Secrets {
  return {
    ...(kept['ENCRYPTION_KEYS'] ? {} : { ENCRYPTION_KEYS: `${kid}:${randomKey()}` }),
    ...(kept['PSEUDONYM_KEY'] ? {} : { PSEUDONYM_KEY: randomKey() }),
  }
}

/** dotenv ends a bare value at `#`, and expands `$NAME` within quotes too. */
function quoted(name: string, value: string): string {
  const escaped = value.replaceAll('$', '\\$')
  if (/^[^\s#'"`][^\s#]*$/.test(escaped)) return escaped
  const kinds = /\\[nr]/.test(escaped) ? ["'", '`'] : ["'", '`', '"'] // "\n" is a line break
  const quote = kinds.find((kind) => !escaped.includes(kind))
  if (!quote || escaped.endsWith('\\') || /[\r\n]/.test(escaped))
    throw new Error(`${name} has characters that no file of secrets can hold.`)
  return quote + escaped + quote
}
