/** This file is the tests of the way to a subject's object: what it answers is told, and that it cannot be reached as well. */

import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { BrokerError, failed, success } from '../../src/errors.ts'
import { askSubject } from '../../src/subject/stub.ts'
import type { Subject } from '../../src/subject/subject.ts'
import { stage } from '../support/story.ts'

stage()

const namespace = env.SUBJECTS as unknown as DurableObjectNamespace<Subject>

it('what an object answers is returned, and is of the object of that name', async () => {
  await env.SUBJECTS.getByName('one').consume(2 ** 32)
  const isUsed = async (name: string): Promise<boolean> =>
    askSubject(namespace, name, async (subject) => success(await subject.isConsumed()))
  expect([await isUsed('one'), await isUsed('two')]).toEqual([true, false])
})

it('its refusal is thrown as what it is, and its silence as an outage', async () => {
  const refusal = askSubject(namespace, 'one', async () => failed('login_required', 'because'))
  await expect(refusal).rejects.toMatchObject({
    failure: { code: 'login_required', reason: 'because' },
  })
  const cause = new Error('canary')
  const silence = askSubject(namespace, 'one', async () => Promise.reject(cause))
  await expect(silence).rejects.toThrow(BrokerError)
  await expect(silence).rejects.toMatchObject({
    ...{ cause, failure: { code: 'temporarily_unavailable', reason: 'subject_unreachable' } },
  })
})
