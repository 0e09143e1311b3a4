/** This file is what chance found once, shortened: each played in every test run, whatever the seeds draw later. */

import type { Schedule } from './steps.ts'

/** Schedules that failed before something was mended, here or in what judges them. */
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
  {
    what: 'a revocation was blamed that waits since nobody could be asked where to revoke',
    schedule: {
      consistency: 'strict',
      publishing: 'testing',
      steps: [
        { do: 'connect', page: 3, bundle: 'upload', account: 'ben', agrees: 'some' },
        { do: 'connect', page: 3, bundle: 'upload', account: 'ada', agrees: 'all' },
        { do: 'wait', seconds: 3540 },
        { do: 'fault', fault: 'discovery: cut before', times: 1 },
        { do: 'ask', page: 3, bundles: ['upload'], tabs: 1, rejects: false, before: true },
        { do: 'connect', page: 4, bundle: 'album', account: 'ada', agrees: 'all' },
        { do: 'disconnect', page: 4 },
      ],
    },
  },
]
