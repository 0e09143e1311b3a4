/** This file is Chromium unpacked before the first test: of two at once, one would run what the other has half written. */

import sparticuz from '@sparticuz/chromium'
import type { TestProject } from 'vitest/node'

export async function setup({ config }: TestProject): Promise<void> {
  const { TMPDIR } = process.env
  Object.assign(process.env, config.env) // where tests look for it
  await sparticuz.executablePath()
  Object.assign(process.env, { TMPDIR })
}
