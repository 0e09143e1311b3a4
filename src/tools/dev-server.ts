/** A Worker in development: `wrangler dev` as a child process, quiet, on loopback only. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { formatOutput } from './dev-log.ts'

/** A server to run. */
export interface Plan {
  /** Written before each line of its output. */
  name: string
  port: number
  /** The option of `npm start` for that port. */
  option?: string
  /** A path that answers 2xx when it works. */
  health: string
}

/** A Worker to run. */
export interface WorkerPlan extends Plan {
  /** Arguments of `wrangler dev`. */
  args: readonly string[]
  vars: Readonly<Record<string, string>>
  /** Passed in the environment, since every user of a machine can read arguments. They win over variables of this process. */
  secrets?: Readonly<Record<string, string | undefined>>
}

/** A running server. */
export interface DevServer {
  readonly name: string
  /** Settles when it has ended, for any reason. */
  readonly ended: Promise<void>
  /** Ends it, and waits until its port is free. */
  stop(): Promise<void>
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Where wrangler registers the Workers of this checkout; without it, all of a machine share one place. */
export const REGISTRY: string = join(ROOT, '.wrangler/registry')

/** The script of the `wrangler` command. */
export const WRANGLER: string = fileURLToPath(
  new URL('bin/wrangler.js', import.meta.resolve('wrangler/package.json')),
)
/**
 * Options of Node.js for a detached child whose stdin is a pipe from this process: when this process is gone, even
 * by SIGKILL, the pipe closes and the child ends its process group.
 */
export const END_WITH_PARENT = [
  '--import',
  'data:text/javascript,process.stdin.resume().on("close",()=>process.kill(0,"SIGKILL")).unref()',
]

/** How often to ask a server whether it works, in milliseconds. */
const POLL_MS = 100
/** How long a server may take to end, in milliseconds; then it is killed. */
const STOP_MS = 5_000

/** No banner, no telemetry, no question, and nothing is fetched, so that it works offline. */
const QUIET = {
  CI: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_SEND_METRICS: 'false',
  X_LOCAL_EXPLORER: 'false',
  X_LOCAL_OBSERVABILITY: 'false', // it would trace each request, which takes a third of its time
}

/** Whether a program on this machine listens on a port, over IPv4 or IPv6. */
export async function isTaken(port: number): Promise<boolean> {
  const socket = connect({ host: 'localhost', port })
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return isOpen
}

/** Writes a line of a server's output to stderr. */
export function writeLog(name: string, line: unknown): void {
  process.stderr.write(`${name} | ${line}\n`)
}

/** Starts a Worker, and writes its refusals, failures and warnings to stderr. */
export function startDevServer(plan: WorkerPlan): DevServer {
  const { name, port, args, vars, secrets } = plan
  const command = [...END_WITH_PARENT, WRANGLER, 'dev', ...args, ...flags(port, vars)]
  const child = spawn(process.execPath, command, {
    cwd: ROOT,
    env: { WRANGLER_REGISTRY_PATH: REGISTRY, ...process.env, ...QUIET, ...secrets },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true, // Ctrl-C reaches only us, and the whole group can be killed
  })
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      const text = stripVTControlCharacters(line).trim()
      for (const shown of formatOutput(text, input === child.stderr)) writeLog(name, shown)
    })
  }
  const kill = (): void => killGroup(child.pid)
  process.once('exit', kill)
  child.once('exit', () => {
    process.off('exit', kill)
    kill() // a process it left behind would hold the port
  })
  const ended = once(child, 'close').then(
    () => undefined,
    (error: unknown) => writeLog(name, error),
  )
  return {
    name,
    ended,
    async stop() {
      child.kill('SIGINT')
      const overdue = setTimeout(kill, STOP_MS)
      await ended
      clearTimeout(overdue)
    },
  }
}

/** Waits until a server answers. @returns whether the answer was 2xx; `false` also when `signal` aborts */
export async function isHealthy({ port, health }: Plan, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    try {
      return (await fetch(`http://localhost:${port}${health}`, { signal })).ok
    } catch {
      await pause(POLL_MS)
    }
  }
  return false
}

function flags(port: number, vars: WorkerPlan['vars']): string[] {
  return [
    ...['--port', String(port), '--ip', '127.0.0.1', '--inspector-port', '0'],
    ...['--log-level', 'info', '--show-interactive-dev-session=false'],
    ...Object.entries(vars).flatMap(([name, value]) => ['--var', `${name}:${value}`]),
  ]
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // it has ended already
  }
}
