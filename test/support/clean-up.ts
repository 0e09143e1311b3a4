/** Cleans up after each test file in workerd, because the next file runs in the same worker. */

import { reset } from 'cloudflare:test'
import { afterAll, vi } from 'vitest'
import { configure, hostileKv, witnessAll } from './worker.ts'

afterAll(async () => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  vi.useRealTimers()
  vi.resetConfig()
  configure()
  witnessAll()
  hostileKv.reset()
  await reset()
})
