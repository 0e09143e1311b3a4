/** This file is what the Worker serves as it is in development: the files of its demo page, and the browser modules. */

import { cp, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { buildClient, CLIENT_FOLDER } from './client-modules.ts'

/** Gathers everything in one folder, anew. */
export async function gatherAssets(folder: string): Promise<void> {
  await buildClient()
  await rm(folder, { recursive: true, force: true })
  await cp(fileURLToPath(new URL('../demo/public', import.meta.url)), folder, { recursive: true })
  await cp(CLIENT_FOLDER, folder, { recursive: true })
}
