import { it, expect } from 'vitest'
import { scheduleOf } from './schedule.ts'
import { runSchedule } from './run.ts'
it('x', { timeout: 300_000 }, async () => {
  const from = 1
  const t = performance.now()
  for (let seed = from; seed < from + 20; seed++) {
    const s = scheduleOf(seed)
    const run = await runSchedule(s)
    console.log(seed, s.consistency, s.steps.length, JSON.stringify(Object.fromEntries(run.answers)), Math.round(performance.now()-t))
    if (run.violations.length) { console.log(run.told.map((l,i)=>`${i+1} ${l}`).join('\n')); console.log(run.violations.join('\n')); break }
  }
})
