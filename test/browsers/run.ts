/** Drives one browser through all steps, and says line by line what came of each. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { say } from '../../src/tools/command-line.ts'
import type { Browser, Profile } from './driver.ts'
import { MODES, type Mode, type Servers } from './servers.ts'
import type { Step } from './step.ts'

/** What a browser is driven through. */
export interface Course {
  servers: Servers
  steps: readonly Step[]
  /** The folder for pictures. */
  pictures: string
}

/** What came of the steps. */
export interface Tally {
  held: number
  failed: number
}

/** Drives a browser through the steps, each in a new profile. */
export async function drive(browser: Browser, { servers, steps, pictures }: Course): Promise<Tally> {
  const tally: Tally = { held: 0, failed: 0 }
  for (const mode of MODES) {
    say(`  ${servers.scheme}, ${mode === 'cookie' ? 'cookie' : 'OAuth'} mode`)
    for (const step of steps) {
      if (step.mode && step.mode !== mode) continue
      const name = `${browser.name.split(' ')[0]}-${servers.scheme}-${mode}`.toLowerCase()
      const picture = (what: string): string => join(pictures, `${name}-${what}.png`)
      const outcome = await tryStep(browser, step, servers, mode, picture)
      tally[outcome.isHeld ? 'held' : 'failed']++
      say(...outcome.lines)
    }
  }
  return tally
}

async function tryStep(
  browser: Browser,
  step: Step,
  servers: Servers,
  mode: Mode,
  picture: (what: string) => string,
): Promise<{ isHeld: boolean; lines: string[] }> {
  const began = Date.now()
  const kept: string[] = []
  const keep = async (data: Buffer, what: string): Promise<void> => {
    await writeFile(picture(what), data)
    kept.push(picture(what))
  }
  const lineOf = (word: string, more: string): string =>
    `    ${word} ${step.title}${more} (${((Date.now() - began) / 1000).toFixed(1)} s)`
  const withPictures = (line: string): string[] => [line, ...kept.map((path) => `         ${path}`)]
  let profile: Profile | undefined
  try {
    profile = await browser.openProfile()
    const note = await step.run({ servers, profile, mode, keep })
    return { isHeld: true, lines: withPictures(lineOf('ok  ', note ? `: ${note}` : '')) }
  } catch (error) {
    const words = `: ${(error as Error).message}`
    if (profile) await keepWindows(profile, step.title, keep)
    return { isHeld: false, lines: withPictures(lineOf('FAIL', words)) }
  } finally {
    await profile?.end().catch((error: Error) => say(`    the browser did not close: ${error.message}`))
    await servers.clear()
  }
}

/** Keeps a picture of each open window. */
async function keepWindows(
  profile: Profile,
  title: string,
  keep: (data: Buffer, what: string) => Promise<void>,
): Promise<void> {
  const words = title.replaceAll(/\W+/g, '-').slice(0, 40)
  try {
    for (const [index, window] of (await profile.list()).entries())
      await keep(await profile.screenshot(window), `${words}-window-${index + 1}`)
  } catch (error) {
    say(`    no picture: ${(error as Error).message}`)
  }
}
