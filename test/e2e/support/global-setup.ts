/** Before the first test: unpacks Chromium, since two workers would disturb each other, and makes a folder for stages. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sparticuz from '@sparticuz/chromium'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The folder of the homes of stages, which end with their process. */
    homes: string
  }
}

/** @returns what runs after the last test */
export async function setup({ config, provide }: TestProject): Promise<() => void> {
  const { TMPDIR } = process.env
  Object.assign(process.env, config.env) // where tests look for it
  await sparticuz.executablePath()
  Object.assign(process.env, { TMPDIR })
  const homes = mkdtempSync(join(tmpdir(), 'photos-token-broker-homes-'))
  provide('homes', homes)
  return () => rmSync(homes, { recursive: true, force: true, maxRetries: 5 })
}
