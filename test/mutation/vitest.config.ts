/** The vitest configuration of a mutation run: the tests of one folder, in workerd or, for pure code, in Node. */

import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import whole from '../vitest.config.ts'

const root = new URL('../..', import.meta.url).pathname
const { MUTATION_TESTS = '', MUTATION_IN = 'workerd' } = process.env
const [worker] = whole.test?.projects ?? []

/** One worker for all files. Instrumented code is slow, so a test has more time. */
const test = {
  name: MUTATION_IN,
  include: MUTATION_TESTS.split(' '),
  isolate: false,
  testTimeout: 20_000,
}

/** Runs slow files last: most mutants are killed by the fast ones. */
class FastFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const slowness = ({ moduleId }: TestSpecification): number =>
      Number(/\/operator\/|\/flow\/|any-|sealed-forms/.test(moduleId))
    return files.toSorted((a, b) => slowness(a) - slowness(b))
  }
}

export default defineConfig({
  root,
  test: {
    sequence: { sequencer: FastFirst },
    projects: [MUTATION_IN === 'workerd' ? Object.assign({}, worker, { test }) : { root, test }],
  },
})
