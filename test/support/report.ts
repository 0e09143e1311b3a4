/** Writes a report of each test run, for `npm run measure`. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Reporter, TestModule } from 'vitest/node'

/** Path of the report, in a folder that git ignores. */
export const REPORT = fileURLToPath(new URL('../../dist/test-report.json', import.meta.url))

/** Writes the duration of a whole run and the time of the tests of each project, in seconds. */
export function reportTimes(): Reporter {
  const began_at = performance.now()
  const seconds = (ms: number): number => Math.round(ms / 100) / 10
  const isWhole = !process.argv.some((argument) =>
    /^--project|^-t$|^test\/.*(?<!config\.ts)$/.test(argument),
  )
  return {
    onTestRunEnd(modules: readonly TestModule[]) {
      if (!isWhole) return
      const times: Record<string, number> = {}
      for (const module of modules)
        times[module.project.name] =
          (times[module.project.name] ?? 0) + module.diagnostic().duration
      const entries = Object.entries(times).map(([name, ms]) => [name, seconds(ms)])
      const projects = Object.fromEntries(entries)
      mkdirSync(dirname(REPORT), { recursive: true })
      const total = seconds(performance.now() - began_at)
      const report = { seconds: total, files: modules.length, projects }
      writeFileSync(REPORT, `${JSON.stringify(report, null, 2)}\n`)
    },
  }
}
