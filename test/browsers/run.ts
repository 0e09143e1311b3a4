/** Drives one browser through all steps, and says line by line what came of each. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { say } from '../../src/tools/command-line.ts'
import type { Browser, Profile } from './driver.ts'
import { MODES, type Mode, type Servers } from './servers.ts'
import type { Step, User } from './step.ts'

/** What a browser is driven through. */
export interface Course {
  servers: Servers
  user: User
  steps: readonly Step[]
  /** The folder for pictures. */
  pictures: string
}

/** How many steps held, and how many did not. */
export interface Tally {
  held: number
  failed: number
}

/** Drives a browser through the steps, each in a new profile. */
export async function drive(browser: Browser, course: Course): Promise<Tally> {
  const { steps, servers } = course
  const tally: Tally = { held: 0, failed: 0 }
  for (const mode of MODES) {
    say(`  ${servers.scheme}, ${mode === 'cookie' ? 'cookie' : 'OAuth'} mode`)
    for (const step of steps) {
      if (step.mode && step.mode !== mode) continue
      const isHeld = await tryStep(browser, course, step, mode)
      tally[isHeld ? 'held' : 'failed']++
    }
  }
  return tally
}

/** @returns whether it held */
async function tryStep(
  browser: Browser,
  { servers, user, pictures }: Course,
  step: Step,
  mode: Mode,
): Promise<boolean> {
  const began = performance.now()
  const kept: string[] = []
  const notes: string[] = []
  const keep = async (picture: Buffer, name: string): Promise<void> => {
    const place = `${browser.name.split(' ')[0]}-${servers.scheme}-${mode}`.toLowerCase()
    const path = join(pictures, `${place}-${name.replaceAll(/\W+/g, '-').slice(0, 60)}.png`)
    await writeFile(path, picture)
    kept.push(path)
  }
  const report = (word: string, more: string): void => {
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    say(
      `    ${word} ${step.title}${more} (${seconds} s)`,
      ...kept.map((path) => `         ${path}`),
    )
  }
  let profile: Profile | undefined
  try {
    profile = await browser.openProfile()
    await step.run({ servers, profile, mode, user, keep, note: (words) => notes.push(words) })
    report('ok  ', notes.map((words) => `: ${words}`).join(''))
    return true
  } catch (error) {
    if (profile) await keepWindows(profile, step.title, keep)
    report('FAIL', `: ${error}`)
    return false
  } finally {
    await profile?.end().catch((error: unknown) => say(`    the browser did not close: ${error}`))
    await servers.clear(user.email)
  }
}

/** Keeps a picture of each open window. */
async function keepWindows(
  profile: Profile,
  title: string,
  keep: (picture: Buffer, name: string) => Promise<void>,
): Promise<void> {
  try {
    for (const [index, window] of (await profile.list()).entries())
      await keep(await profile.screenshot(window), `window-${index + 1}-${title}`)
  } catch (error) {
    say(`    no picture: ${error}`)
  }
}
