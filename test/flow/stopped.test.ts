/** Tests of the setting STOPPED (TMB-80). */

import { beforeEach, expect, it } from 'vitest'
import { ask, askSession, browse, logIn, the } from '../support/broker.ts'
import { scriptGoogle } from '../support/scripted-google.ts'
import { countCosts, isHostile, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()
beforeEach(() => void scriptGoogle())

it.each([
  { stopped: 'all', pick: 503, upload: 503 },
  { stopped: 'client:default', pick: 503, upload: 503 },
  { stopped: 'bundle:pick', pick: 503, upload: 200 },
  { stopped: 'bundle:album, bundle:upload', pick: 200, upload: 503 },
])(
  '$stopped stops at once, and no consent is needed afterwards',
  async ({ stopped, ...expected }) => {
    const browser = browse()
    for (const bundle of ['pick', 'upload']) await logIn(browser, { bundle })
    configure({ STOPPED: stopped })
    for (const [bundle, status] of Object.entries(expected)) {
      const answer = await ask(browser, { bundle })
      expect(answer.status).toBe(status)
      if (status === 503) expect(answer.body.error).toBe('temporarily_unavailable')
    }
    expect((await askSession(browser)).status).toBe(200)
    configure({ STOPPED: '' })
    for (const bundle of ['pick', 'upload'])
      expect((await ask(browser, { bundle })).status).toBe(200)
  },
)

it('a stopped request reads nothing, and a disconnect still works', async () => {
  const browser = await logIn(browse())
  configure({ STOPPED: 'all' })
  const costs = countCosts()
  await ask(browser)
  const media = { bundle: the.bundle, urls: ['https://lh3.googleusercontent.com/x=w1'] }
  expect((await browser.call('POST', `${the.url}/media`, media)).status).toBe(503)
  expect([isHostile ? 0 : costs.kv(), costs.objects(), costs.outbound()]).toEqual([0, 0, 0])
  expect((await browser.call('DELETE', `${the.url}/grants`)).status).toBe(204)
})

it('an invalid value stops everything', async () => {
  const browser = await logIn(browse())
  configure({ STOPPED: 'everything' })
  expect((await ask(browser)).status).toBe(503)
})
