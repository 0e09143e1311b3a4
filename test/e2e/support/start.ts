/** This file is `npm start` as tests run it: the real command, on ports and in a folder of its own. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where a run keeps what it keeps, and where it answers. */
export interface Place {
  home: string
  port: number
  simulator_port: number
  elsewhere_port: number
}

/** A run of `npm start`. */
export interface Run {
  url: string
  simulator: string
  elsewhere: string
  /** What it has said so far. */
  output(): string
  /** Settles with the exit code. */
  readonly ended: Promise<number | null>
  /** Waits until it says something. */
  says(text: string): Promise<void>
  pid: number
  /** Sends a signal, as Ctrl-C does. */
  signal(signal: NodeJS.Signals): void
}

const SCRIPT = new URL('../../../src/tools/start.ts', import.meta.url).pathname

/** Finds an empty folder and three ports that nobody has. */
export async function findPlace(): Promise<Place> {
  const home = await mkdtemp(join(tmpdir(), 'photos-token-broker-'))
  return {
    home,
    port: await findPort(),
    simulator_port: await findPort(),
    elsewhere_port: await findPort(),
  }
}

/** Below the range that systems lend ports from, or another test's connection takes it before it is used. */
async function findPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    await once(server.close(), 'close')
    return port
  }
}

/** Runs the command. */
export function start({ home, port, simulator_port, elsewhere_port }: Place): Run {
  const options = {
    '--home': home,
    '--port': port,
    '--simulator-port': simulator_port,
    '--elsewhere-port': elsewhere_port,
  }
  const args = Object.entries(options).flatMap(([name, value]) => [name, String(value)])
  const child = spawn(process.execPath, [SCRIPT, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = codeOf(child)
  return {
    url: `http://localhost:${port}`,
    simulator: `http://localhost:${simulator_port}`,
    elsewhere: `http://127.0.0.1:${elsewhere_port}`,
    output: () => output,
    ended,
    async says(text) {
      while (!output.includes(text)) {
        const isOver = await Promise.race([
          ended.then(() => true),
          Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data')]).then(() => false),
        ])
        if (isOver && !output.includes(text)) throw new Error(`it never said "${text}":\n${output}`)
      }
    },
    pid: child.pid ?? 0,
    signal: (signal) => void child.kill(signal),
  }
}

/** Runs the command until it is ready to be used. */
export async function startReady(place: Place): Promise<Run> {
  const run = start(place)
  await run.says('Ctrl-C')
  return run
}

async function codeOf(child: ChildProcess): Promise<number | null> {
  await once(child, 'close')
  return child.exitCode
}
