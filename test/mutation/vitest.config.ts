/** This file is which tests judge the mutants of a folder, and where: in workerd, but for what is pure and so is quicker in Node. */

import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import whole from '../vitest.config.ts'

const root = new URL('../..', import.meta.url).pathname
const { MUTATION_TESTS = '', MUTATION_IN = 'workerd' } = process.env
const [worker] = whole.test?.projects ?? []

/** One worker for all files; instrumented code counts every step it takes, and so takes its time. */
const test = {
  name: MUTATION_IN,
  include: MUTATION_TESTS.split(' '),
  isolate: false,
  testTimeout: 20_000,
}

/** Most mutants die of an example of their own folder; the many runs of a property, and an operator's story, are for the others. */
class QuickestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const slowness = ({ moduleId }: TestSpecification): number =>
      Number(/\/operator\/|any-|sealed-forms/.test(moduleId))
    return files.toSorted((a, b) => slowness(a) - slowness(b))
  }
}

export default defineConfig({
  root,
  test: {
    sequence: { sequencer: QuickestFirst },
    projects: [MUTATION_IN === 'workerd' ? Object.assign({}, worker, { test }) : { root, test }],
  },
})
