/** CPU time and memory of a process, read from `/proc`: on Linux only, `NaN` elsewhere. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** Lists the child processes that run a program. */
export function childPids(program: string): number[] {
  return numbersIn('/proc').filter((pid) => {
    const { name, parent } = identityOf(pid)
    return parent === process.pid && name === program
  })
}

/** Reads the CPU time of a process, in microseconds. */
export function cpuMicroseconds(pid: number): number {
  const threads = numbersIn(`/proc/${pid}/task`)
  if (threads.length === 0) return Number.NaN
  const nanoseconds = threads.map((thread) => {
    const text = read(`/proc/${pid}/task/${thread}/schedstat`)
    return Number(text.split(' ')[0] ?? 0)
  })
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1000
}

/** Reads the peak memory of a process since `resetPeak`, in MiB. */
export function peakMebibytes(pid: number): number {
  return statusMebibytes(pid, 'VmHWM')
}

/** Reads the present memory of a process, in MiB. */
export function memoryMebibytes(pid: number): number {
  return statusMebibytes(pid, 'VmRSS')
}

/** Resets the peak memory of a process. */
export function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {
    // not on this system
  }
}

function statusMebibytes(pid: number, field: string): number {
  const [, kibibytes] = new RegExp(`${field}:\\s+(\\d+) kB`).exec(read(`/proc/${pid}/status`)) ?? []
  return kibibytes === undefined ? Number.NaN : Number(kibibytes) / 1024
}

function identityOf(pid: number): { name: string; parent: number } {
  const [, name = '', parent = 0] = /\((.*)\) \S (\d+)/.exec(read(`/proc/${pid}/stat`)) ?? []
  return { name, parent: Number(parent) }
}

function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder).map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // the process has ended
  }
}
