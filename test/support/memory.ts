/** This file is where miniflare stores what tests store: in memory, where there is room for it. */

import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'

/** What Linux has for this; https://man7.org/linux/man-pages/man7/shm_overview.7.html. */
const MEMORY = '/dev/shm'
const MIN_FREE_BYTES = 1024 ** 3

/**
 * Has temporary files made in memory from now on: a disk that is waited for at each write is half of the time that
 * tests in workerd take.
 *
 * @returns the folder that they were made in before
 */
export function storeInMemory(): string {
  const disk = tmpdir()
  const folder = hasRoom() ? mkdtempSync(`${MEMORY}/photos-token-broker-`) : disk
  if (folder !== disk) process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  process.env['TMPDIR'] = folder
  return disk
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize >= MIN_FREE_BYTES
  } catch {
    return false
  }
}
