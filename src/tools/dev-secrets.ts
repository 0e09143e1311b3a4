/** The development secrets: made once and kept in `.dev.vars`, which git ignores. */

import { appendFile, chmod, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseEnv } from 'node:util'
import { randomKey, readOrEmpty, type Secrets } from './secrets-file.ts'

/** The content of `.dev.vars`. */
export interface DevSecrets {
  readonly values: Secrets
  /** Names of the secrets that were just made. */
  readonly made: readonly string[]
}

/** The secrets that the broker needs, and how each is made. */
const RECIPES: Readonly<Record<string, () => string>> = {
  ENCRYPTION_KEYS: () => `dev:${randomKey()}`,
  PSEUDONYM_KEY: randomKey,
}

/** Reads the secrets of a file, and adds the missing ones; its other lines stay as they are. */
export async function ensureDevSecrets(path: string): Promise<DevSecrets> {
  await mkdir(dirname(path), { recursive: true })
  const text = await readOrEmpty(path)
  const values = parseEnv(text)
  const made = Object.entries(RECIPES).filter(([name]) => !values[name])
  if (made.length > 0) {
    const lines = made.map(([name, make]) => {
      values[name] = make()
      return `${name}=${values[name]}\n`
    })
    const lineBreak = text === '' || text.endsWith('\n') ? '' : '\n'
    await appendFile(path, lineBreak + lines.join(''), { mode: 0o600 })
  }
  await chmod(path, 0o600)
  return { values, made: made.map(([name]) => name) }
}
