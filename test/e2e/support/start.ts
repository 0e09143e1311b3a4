/** `npm start` for tests: the real command with its own ports and folder. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WRANGLER_TOML } from '../../../src/tools/command-line.ts'
import { END_WITH_PARENT } from '../../../src/tools/dev-server.ts'

/** The folder and the ports of a run. */
export interface Place {
  home: string
  config: string
  port: number
  simulator_port: number
  elsewhere_port: number
}

/** A run of `npm start`. */
export interface Run {
  url: string
  simulator: string
  elsewhere: string
  /** Everything it printed so far. */
  output(): string
  /** Settles with the exit code. */
  readonly ended: Promise<number | null>
  /** Waits until it prints a text. */
  prints(text: string): Promise<void>
  pid: number
  /** Sends a signal, as Ctrl-C does. */
  signal(signal: NodeJS.Signals): void
}

const SCRIPT = new URL('../../../src/tools/start.ts', import.meta.url).pathname

/** Makes an empty folder and finds three free ports. */
export async function findPlace(parent = tmpdir()): Promise<Place> {
  const home = await mkdtemp(join(parent, 'photos-token-broker-'))
  return {
    home,
    config: WRANGLER_TOML,
    port: await findPort(),
    simulator_port: await findPort(),
    elsewhere_port: await findPort(),
  }
}

/** Finds a free port below the ephemeral range, from which the system could give it to another connection. */
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
export function start({ home, config, port, simulator_port, elsewhere_port }: Place): Run {
  const options = {
    '--home': home,
    '--config': config,
    '--port': port,
    '--simulator-port': simulator_port,
    '--elsewhere-port': elsewhere_port,
  }
  const args = Object.entries(options).flatMap(([name, value]) => [name, String(value)])
  const child = spawn(process.execPath, [...END_WITH_PARENT, SCRIPT, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = once(child, 'close').then(() => child.exitCode)
  return {
    url: `http://localhost:${port}`,
    simulator: `http://localhost:${simulator_port}`,
    elsewhere: `http://127.0.0.1:${elsewhere_port}`,
    output: () => output,
    ended,
    async prints(text) {
      while (!output.includes(text)) {
        const more = [once(child.stdout, 'data'), once(child.stderr, 'data')]
        const isOver = await Promise.race([
          ended.then(() => true),
          ...more.map((one) => one.then(() => false)),
        ])
        if (isOver && !output.includes(text))
          throw new Error(`it never printed "${text}":\n${output}`)
      }
    },
    pid: child.pid ?? 0,
    signal: (signal) => void child.kill(signal),
  }
}

/** Runs the command until it is ready to be used. */
export async function startReady(place: Place): Promise<Run> {
  const run = start(place)
  await run.prints('Ctrl-C')
  return run
}
