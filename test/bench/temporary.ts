/** Temporary folders, removed at the latest when this process ends. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A temporary folder. */
export interface TemporaryFolder {
  path: string
  /** Removes it. */
  [Symbol.dispose](): void
}

/** Makes a temporary folder. */
export function temporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), 'photos-token-broker-bench-'))
  const remove = (): void => {
    process.off('exit', remove)
    rmSync(path, { recursive: true, force: true })
  }
  process.once('exit', remove)
  return { path, [Symbol.dispose]: remove }
}
