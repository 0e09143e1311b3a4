/** Unpacks Chromium before the first test: two workers that unpack at the same time would disturb each other. */

import sparticuz from '@sparticuz/chromium'
import type { TestProject } from 'vitest/node'

export async function setup({ config }: TestProject): Promise<void> {
  const { TMPDIR } = process.env
  Object.assign(process.env, config.env) // where tests look for it
  await sparticuz.executablePath()
  Object.assign(process.env, { TMPDIR })
}
