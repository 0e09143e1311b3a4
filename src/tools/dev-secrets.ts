/** The development secrets: made once and kept in `.dev.vars`, which git ignores. */

import { appendFile, chmod, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import {
  formatSecrets,
  makeMissingKeys,
  parseSecrets,
  readOrEmpty,
  type Secrets,
} from './secrets-file.ts'

/**
 * Reads the secrets of a file, and adds the missing ones; its other lines stay as they are.
 *
 * @returns all values, and the names of those that were just made
 */
export async function ensureDevSecrets(path: string): Promise<{ values: Secrets; made: string[] }> {
  await mkdir(dirname(path), { recursive: true })
  const text = await readOrEmpty(path)
  const kept = parseSecrets(text)
  const made = makeMissingKeys(kept, 'dev')
  const lineBreak = text === '' || text.endsWith('\n') ? '' : '\n'
  if (Object.keys(made).length > 0)
    await appendFile(path, lineBreak + formatSecrets(made), { mode: 0o600 })
  await chmod(path, 0o600)
  return { values: { ...kept, ...made }, made: Object.keys(made) }
}
