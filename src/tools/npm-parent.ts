/** The end of npm, when it comes before the end of its script: npm passes no signal on when it is killed. */

import { execFileSync } from 'node:child_process'

/** How often to look, in milliseconds. */
const CHECK_MS = 500

/** npm runs a script in a shell, which lives on without npm. */
const SHELL = /(^|[/-])(ba|da|z|k|a)?sh$/

/** Found at once, while npm certainly runs. */
const npm = process.env['npm_lifecycle_event'] === undefined ? undefined : findNpm()

/** Calls `stop` once npm has ended, if npm runs this process. A process without npm may outlive what started it. */
export function onceNpmEnds(stop: () => void): void {
  if (npm === undefined) return
  const timer = setInterval(() => {
    if (isRunning(npm)) return
    clearInterval(timer)
    stop()
  }, CHECK_MS)
  timer.unref()
}

/** The process above the shell, or above us where the shell has replaced itself. */
function findNpm(): number {
  try {
    const args = ['-o', 'ppid=,comm=', '-p', String(process.ppid)]
    const [parent, name = ''] = execFileSync('ps', args, { encoding: 'utf8' }).trim().split(/\s+/)
    return SHELL.test(name) ? Number(parent) : process.ppid
  } catch {
    return process.ppid // without ps, as on Windows
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
