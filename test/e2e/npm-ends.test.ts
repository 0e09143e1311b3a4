/** `npm start` and `npm test` when npm itself is killed, as by a process manager: nothing lives on. */

import { execFileSync, spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, it, vi } from 'vitest'
import { findPlace } from './support/start.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Tests that run longer than what is left after npm may take to end. */
const LONG = ['test/attacks', 'test/flow', 'test/oauth']
const BEGIN = { timeout: 60_000, interval: 100 }
const END = { timeout: 15_000, interval: 100 }

interface Process {
  pid: number
  parent: number
  args: string
}

function processes(): Process[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n')
  return lines.map((line) => {
    const [, pid, parent, args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)/.exec(line) ?? []
    return { pid: Number(pid), parent: Number(parent), args }
  })
}

function descendantsOf(pid: number, all = processes()): Process[] {
  const children = all.filter(({ parent }) => parent === pid)
  return children.flatMap((child) => [child, ...descendantsOf(child.pid, all)])
}

it.each([
  { script: 'start', args: [], signal: 'SIGKILL', workerds: 4 },
  { script: 'test', args: LONG, signal: 'SIGTERM', workerds: 1 },
] as const)(
  'npm $script leaves no process after $signal',
  async ({ script, args, signal, workerds }) => {
    const { home, port, simulator_port, elsewhere_port } = await findPlace()
    const ports = { port, 'simulator-port': simulator_port, 'elsewhere-port': elsewhere_port }
    const options = Object.entries({ ...ports, home }).flatMap(([name, value]) => [
      `--${name}`,
      `${value}`,
    ])
    const all = [script, '--', ...args, ...(script === 'start' ? options : [])]
    const npm = spawn('npm', all, { cwd: ROOT, stdio: 'ignore' })
    const pid = npm.pid ?? 0
    const begun = await vi.waitFor(() => {
      const descendants = descendantsOf(pid)
      const running = descendants.filter(({ args }) => args.includes('workerd serve'))
      expect(running.length).toBeGreaterThanOrEqual(workerds)
      return descendants
    }, BEGIN)
    npm.kill(signal)
    await vi.waitFor(() => {
      const left = processes().filter(({ args }) => !args.includes('<defunct>')) // ended, and not counted yet
      const pids = new Set(left.map(({ pid }) => pid))
      expect(begun.filter(({ pid }) => pids.has(pid)).map(({ args }) => args)).toEqual([])
    }, END)
    await rm(home, { recursive: true })
  },
)
