/** Tests of a broker that receives no security events, as it is by default. */

import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { accountName, namesOfToken } from '../../src/subject/provider-names.ts'
import { answerOf, broker, consentTo, subjectOf, the, theConfig } from '../support/broker.ts'
import { scriptGoogle } from '../support/scripted-google.ts'
import { stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()
beforeEach(() => void scriptGoogle())

describe('without SECURITY_EVENTS', () => {
  beforeEach(() => configure({ SECURITY_EVENTS: undefined }))

  it.each(['POST', 'GET', 'OPTIONS', 'DELETE'])('%s /events is an unknown path', async (method) => {
    const ask = async (path: string): Promise<unknown> => {
      const { status, body } = await answerOf(await broker(new Request(the.url + path, { method })))
      return { status, ...body, request_id: '' }
    }
    expect(await ask('/events')).toEqual(await ask('/nowhere'))
    expect(await ask('/events')).toMatchObject({ status: 404 })
  })

  it('nothing is stored for events', async () => {
    const stored: Record<string, () => Promise<string[]>> = {}
    for (const sub of ['without', 'with']) {
      configure({ SECURITY_EVENTS: sub === 'with' ? 'on' : undefined })
      const refresh_token = `${sub}-refresh-token`
      const { stub } = await subjectOf(sub, 'default')
      const consent = consentTo(the.pick, { sub, tokens: { refresh_token }, begins_session: false })
      expect((await stub.acceptConsent(consent)).ok).toBe(true)
      const names = [
        await accountName(theConfig(), sub),
        ...(await namesOfToken(theConfig(), { refresh_token })),
      ]
      stored[sub] = async () => {
        const found = names.map((name) => env.SUBJECT_INDEX.getByName(name).subjects())
        return (await Promise.all(found)).flat()
      }
    }
    while ((await stored['with']?.())?.length !== 3); // it is stored behind the answer
    expect(await stored['without']?.()).toEqual([])
  })
})
