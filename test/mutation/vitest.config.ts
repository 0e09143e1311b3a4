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
  testTimeout: 60_000,
}

/** Most mutants die of an example; the many runs of a property are for the others. */
class PropertiesLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isSlow = ({ moduleId }: TestSpecification): number =>
      Number(/any-|sealed-forms/.test(moduleId))
    return files.toSorted((a, b) => isSlow(a) - isSlow(b))
  }
}

export default defineConfig({
  root,
  test: {
    sequence: { sequencer: PropertiesLast },
    projects: [MUTATION_IN === 'workerd' ? Object.assign({}, worker, { test }) : { root, test }],
  },
})
