/** This file is one Worker in development: `wrangler dev` as a child process, quiet, on loopback only. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'

/** What is said of a server before it runs. */
export interface Plan {
  /** Stands before each line of its output. */
  name: string
  port: number
  /** A path that answers 2xx once it works. */
  health: string
}

/** What a Worker needs to run. */
export interface WorkerPlan extends Plan {
  /** Arguments of `wrangler dev`. */
  args: readonly string[]
  vars: Readonly<Record<string, string>>
  /**
   * Given through the environment: arguments can be read by every user of a machine. They come before what
   * the environment has already.
   */
  secrets?: Readonly<Record<string, string | undefined>>
}

/** A server that was started. */
export interface DevServer {
  readonly name: string
  /** Settles when it is gone, however that came. */
  readonly ended: Promise<void>
  /** Ends it, and waits until its port is free again. */
  stop(): Promise<void>
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** The script of the `wrangler` command. */
export const WRANGLER = fileURLToPath(import.meta.resolve('wrangler/package.json')).replace(
  /package\.json$/,
  'bin/wrangler.js',
)
/**
 * Options of Node.js for a detached child whose stdin is a pipe from this process: when this process is gone, even
 * by SIGKILL, the pipe closes and the child ends its process group.
 */
export const END_WITH_PARENT = [
  '--import',
  'data:text/javascript,process.stdin.resume().on("close",()=>process.kill(0,"SIGKILL")).unref()',
]

const POLL_MS = 100
const STOP_MS = 5_000

/** Neither banner, update check, telemetry nor question; nothing is fetched, so it works on a train. */
const QUIET = {
  CI: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_SEND_METRICS: 'false',
  X_LOCAL_EXPLORER: 'false',
}

/** Whether somebody on this machine listens on a port already. */
export async function isTaken(port: number): Promise<boolean> {
  const answers = await Promise.all(['127.0.0.1', '::1'].map((host) => isListening(host, port)))
  return answers.includes(true)
}

/** Starts a Worker; its warnings and errors are passed on. */
export function startDevServer(plan: WorkerPlan): DevServer {
  const { name, port, args, vars, secrets } = plan
  const command = [...END_WITH_PARENT, WRANGLER, 'dev', ...args, ...flags(port, vars)]
  const child = spawn(process.execPath, command, {
    cwd: ROOT,
    env: { ...process.env, ...QUIET, ...secrets },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true, // Ctrl-C reaches us alone, and the whole group can be ended
  })
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      const text = stripVTControlCharacters(line).trim()
      if (text !== '') process.stderr.write(`${name} | ${text}\n`)
    })
  }
  child.once('exit', () => killGroup(child.pid)) // what it left behind holds the port
  const ended = once(child, 'close').then(
    () => undefined,
    (error: unknown) => void process.stderr.write(`${name} | ${String(error)}\n`),
  )
  return {
    name,
    ended,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT')
      const waiting = new AbortController()
      const overdue = pause(STOP_MS, 'overdue', { signal: waiting.signal }).catch(() => undefined)
      if ((await Promise.race([ended, overdue])) === 'overdue') killGroup(child.pid)
      waiting.abort()
      await ended
    },
  }
}

/** Waits until a server answers; `false` when it answers that it cannot work, or when `signal` says to stop waiting. */
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
    ...['--log-level', 'warn', '--show-interactive-dev-session=false'],
    ...Object.entries(vars).flatMap(([name, value]) => ['--var', `${name}:${value}`]),
  ]
}

function isListening(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port })
  return new Promise((resolve) => {
    const settle = (answer: boolean) => () => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', settle(true)).once('error', settle(false))
  })
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // it ended meanwhile
  }
}
