/** The sizes of a run. */

import type { Plan } from './section.ts'

/** In under 20 minutes on two cores. */
export const FULL: Plan = {
  token_requests: { rounds: 30, seconds: 0.5 },
  rounds: 7,
  seconds: 3,
  connections: 16,
  bursts: 9,
  subjects: 100_000,
  large_bytes: 500_000_000,
  starts: 25,
}

/** A little of everything. */
export const QUICK: Plan = {
  token_requests: { rounds: 3, seconds: 0.5 },
  rounds: 3,
  seconds: 0.5,
  connections: 16,
  bursts: 3,
  subjects: 2_000,
  large_bytes: 100_000_000,
  starts: 5,
}

/** Most rounds of a comparison: the access tokens that were stored before it hold until its end. */
export const MAX_ROUNDS = 100
