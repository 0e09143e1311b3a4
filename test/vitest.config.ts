/** The projects of the tests: in workerd, again over a hostile KV, and on Node against the production build. */

import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { onceNpmEnds } from '../src/tools/npm-parent.ts'
import { storeInMemory } from './support/memory.ts'
import { reportTimes } from './support/report.ts'

const root = new URL('..', import.meta.url).pathname

// The end of this process ends its workers, and with them the servers of their tests.
onceNpmEnds(() => process.exit(1))

// The browser modules have to be there before the Worker is; wrangler makes them, the test runner does not.
execFileSync(process.execPath, ['src/tools/build-client.ts'], { cwd: root })

/** Chromium is unpacked on disk once, and its tests wait for no disk. */
const TMPDIR = storeInMemory()

/** The configuration of tests in workerd. */
const bindings = {
  BASE_URL: 'https://broker.example',
  ISSUER: 'https://google.example',
  GOOGLE_CLIENT_ID: 'test-client',
  SECURITY_EVENTS: 'on',
}

/** Secrets made up for tests alone; bound, so that a developer's `.dev.vars` does not come before them. */
const secrets = {
  GOOGLE_CLIENT_SECRET: 'canary-client-secret',
  ENCRYPTION_KEYS: 'k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8',
  PSEUDONYM_KEY: 'ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8',
}
Object.assign(process.env, secrets) // wrangler warns of secrets it cannot find

/** The set of stored data to make; see `flow/stored-data.test.ts`. */
const { STORED = '' } = process.env

/** What `npm run soak` asks for. */
const soak = {
  FAULTS_SEED: process.env['FAULTS_SEED'] ?? '',
  FAULTS_MINUTES: process.env['FAULTS_MINUTES'] ?? '',
}

/** One more than there are cores: a test in a browser waits as much as it computes. */
const maxWorkers = availableParallelism() + 1

/** A project does not inherit this file: vitest would evaluate it again for each. */
const WHOLE = { root, extends: false as const }

function inWorkerd(name: string, include: string[], more: object = {}) {
  return {
    ...WHOLE,
    plugins: [
      cloudflareTest({
        main: `${root}test/support/worker.ts`,
        wrangler: { configPath: `${root}wrangler.toml` },
        miniflare: { bindings: { ...bindings, ...secrets, ...more } },
      }),
    ],
    test: {
      ...{ name, include, maxWorkers },
      ...{ isolate: false, setupFiles: ['test/support/clean-up.ts'] }, // a worker for each file costs a second each
      testTimeout: 30_000, // speed is for the bench to judge
    },
  }
}

export default defineConfig({
  root,
  test: {
    coverage: { provider: 'istanbul', include: ['src/**/*.ts'] },
    silent: 'passed-only',
    reporters: ['default', reportTimes()],
    projects: [
      inWorkerd(
        'worker',
        [
          'test/*.test.ts',
          'test/{audit,config,scope,crypto,google,session,subject,events,routes,tools,flow,oauth,attacks,simulator}/**/*.test.ts',
          'test/operator/!(interleavings).test.ts',
        ],
        { STORED },
      ),
      inWorkerd(
        'hostile-kv',
        [
          'test/operator/**/*.test.ts',
          'test/flow/!(audit|callback|code-exchange|cost|google-*|media-*|stored-data).test.ts',
          'test/attacks/{blob-swap,leak-hunt,stale-kv,stampede}.test.ts',
          'test/oauth/{flow,metadata,pushed-request,app-user-consents,token-exchange}.test.ts',
        ],
        { HOSTILE_KV: 'yes' },
      ),
      inWorkerd('faults', ['test/faults/**/*.test.ts'], { HOSTILE_KV: 'yes', ...soak }),
      {
        ...WHOLE,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: 'test/e2e/support/global-setup.ts',
          env: { TMPDIR, NODE_COMPILE_CACHE: `${TMPDIR}/compiled` }, // wrangler starts often
          maxWorkers,
          isolate: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
