/** Programs that are ended with this process, together with what they start. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A program that runs. */
export interface Child {
  readonly process: ChildProcess
  /** Kills it and all that it started. */
  stop(): Promise<void>
}

/** Finds a program by one of its names. @returns its path */
export function findProgram(...names: string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)))
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Runs a program beside a `cat` that reads from us: when we are gone, even by SIGKILL, it ends, and the whole group. */
const WITH_US = ['-c', '"$@" & cat > /dev/null; kill -9 0', 'sh']

/**
 * Starts a program in a process group of its own, so that Ctrl-C reaches only us.
 *
 * @param outputs what becomes of the file descriptors 1, 2 and so on
 */
export function startChild(
  program: string,
  args: readonly string[],
  outputs: readonly ('ignore' | 'pipe')[],
  env: NodeJS.ProcessEnv = {},
): Child {
  const child = spawn('/bin/sh', [...WITH_US, program, ...args], {
    stdio: ['pipe', ...outputs],
    env: { ...process.env, ...env },
    detached: true,
  })
  const kill = (): void => {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // it has ended already
    }
  }
  process.once('exit', kill)
  const ended = once(child, 'exit').catch(() => {})
  return {
    process: child,
    async stop() {
      kill()
      process.off('exit', kill)
      await ended
    },
  }
}

/** Waits for a line that matches. @returns the match @throws the program has ended, or has not written it in time */
export async function untilPrinted(
  stream: NodeJS.ReadableStream,
  pattern: RegExp,
  ms: number,
): Promise<RegExpExecArray> {
  let text = ''
  const signal = AbortSignal.timeout(ms)
  stream.setEncoding('utf8')
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new Error(`it never printed ${pattern}:\n${text}`))
    signal.addEventListener('abort', fail)
    stream.on('end', fail).on('data', (more: string) => {
      text += more
      const match = pattern.exec(text)
      if (match) resolve(match)
    })
  })
}
