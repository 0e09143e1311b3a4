/** This file is a process as the system sees it: its CPU time and its memory; on Linux only, elsewhere they stay unknown. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** The children of ours that run a program. */
export function childPids(program: string): number[] {
  return numbersIn('/proc').filter((pid) => {
    const { name, parent } = identityOf(pid)
    return parent === process.pid && name === program
  })
}

/** CPU time a process has used so far, in microseconds; `NaN` where nobody says. */
export function cpuMicroseconds(pid: number): number {
  const threads = numbersIn(`/proc/${pid}/task`)
  if (threads.length === 0) return Number.NaN
  const nanoseconds = threads.map((thread) => {
    const text = read(`/proc/${pid}/task/${thread}/schedstat`)
    return Number(text.split(' ')[0] ?? 0)
  })
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1000
}

/** The most memory a process has had at a time since `forgetPeak`, in MiB. */
export function peakMebibytes(pid: number): number {
  return statusMebibytes(pid, 'VmHWM')
}

/** The memory a process has now, in MiB. */
export function memoryMebibytes(pid: number): number {
  return statusMebibytes(pid, 'VmRSS')
}

/** Begins the peak of a process anew. */
export function forgetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch {
    // not on this system: the peak stays unknown there
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
    return '' // it ended meanwhile
  }
}
