/** Another commit of this repository, checked out in a temporary folder. */

import { execFileSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './machine.ts'
import { temporaryFolder } from './temporary.ts'

/** A checkout. */
export interface Checkout {
  root: string
  /** Removes it; the end of this process does so too. */
  [Symbol.dispose](): void
}

/** Folders that git does not hold. */
const INSTALLED = ['node_modules', 'test/bench/node_modules']

/** Finds the commit that a name means, in its short form; `undefined` if there is none. */
export function findCommit(name: string): string | undefined {
  try {
    const options = ['--verify', '--quiet', '--short', '--end-of-options']
    return git('rev-parse', ...options, `${name}^{commit}`).trim()
  } catch {
    return undefined
  }
}

/** Whether a commit has a file. */
export function hasFile(commit: string, path: string): boolean {
  try {
    git('cat-file', '-e', `${commit}:${path}`)
    return true
  } catch {
    return false
  }
}

/** Checks out a commit beside the installed packages of this checkout. */
export function checkOut(commit: string): Checkout {
  const folder = temporaryFolder()
  const root = join(folder.path, 'checkout')
  const remove = (): void => {
    process.off('exit', remove)
    folder[Symbol.dispose]()
    git('worktree', 'remove', '--force', root)
  }
  git('worktree', 'add', '--quiet', '--detach', root, commit)
  process.once('exit', remove)
  for (const installed of INSTALLED) symlinkSync(join(ROOT, installed), join(root, installed))
  return { root, [Symbol.dispose]: remove }
}

function git(...args: string[]): string {
  return execFileSync('git', args, {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}
