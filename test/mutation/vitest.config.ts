/** This file is which tests judge the mutants of a folder, and where: in workerd, but for what is pure and so is quicker in Node. */

import { defineConfig } from 'vitest/config'
import whole from '../vitest.config.ts'

const root = new URL('../..', import.meta.url).pathname
const { MUTATION_TESTS = '', MUTATION_IN = 'workerd' } = process.env
const include = MUTATION_TESTS.split(' ')
const testTimeout = 60_000 // instrumented code counts every step it takes
const [worker] = whole.test?.projects ?? []

export default defineConfig({
  root,
  test: {
    projects: [
      MUTATION_IN === 'workerd'
        ? Object.assign({}, worker, { test: { name: 'workerd', include, testTimeout } })
        : { root, test: { name: 'node', include, testTimeout } },
    ],
  },
})
