/** This file is the development secrets: made once, kept in `.dev.vars`, which git ignores. */

import { randomBytes } from 'node:crypto'
import { appendFile, chmod, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseEnv } from 'node:util'

/** What `.dev.vars` holds. */
export interface DevSecrets {
  readonly values: Readonly<Record<string, string | undefined>>
  /** Names of the secrets that were made just now. */
  readonly made: readonly string[]
}

/** How each secret is made that the broker cannot do without. */
const RECIPES: Readonly<Record<string, () => string>> = {
  ENCRYPTION_KEYS: () => `dev:${random()}`,
  PSEUDONYM_KEY: random,
}

/** Reads the secrets of a file, and adds those it lacks; what stands in it is never touched. */
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

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

function random(): string {
  return randomBytes(32).toString('base64url')
}
