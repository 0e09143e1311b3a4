/** This file is what chance found once, shortened: each played in every test run, whatever the seeds draw later. */

import type { Schedule } from './steps.ts'

/** Schedules that failed before something was mended. */
export const FOUND: { what: string; schedule: Schedule }[] = [
  {
    what: 'a caller who had said rejected was refused, although a consent had brought another token',
    schedule: {
      consistency: 'edge',
      publishing: 'production',
      steps: [
        { do: 'fault', fault: 'refresh: html', times: 2 },
        { do: 'connect', page: 5, bundle: 'upload', account: 'ben', agrees: 'all' },
        { do: 'hold', at: 'token:refresh_token', when: 'after' },
        { do: 'ask', page: 5, bundles: ['upload'], tabs: 1, rejects: true, before: false },
        { do: 'connect', page: 5, bundle: 'upload', account: 'ben', agrees: 'all' },
        { do: 'release' },
      ],
    },
  },
]
