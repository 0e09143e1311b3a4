/** Tests of many users in one isolate (TMB-58, TMB-43). */

import { describe, expect, it, vi } from 'vitest'
import { ask, askSession, browse, logIn, the } from '../support/broker.ts'
import { refreshed, scriptGoogle } from '../support/scripted-google.ts'
import { later, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const USERS = Array.from({ length: 8 }, (_, at) => `1000000000000000000${at}`)

describe.each(['edge', 'strict'])('%s', (consistency) => {
  it('users with concurrent requests each get their own token', async () => {
    configure({ CONSISTENCY: consistency })
    const google = scriptGoogle()
    google.token = async (call) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
      const access_token = `canary-for-${call.body.get('refresh_token')}-${crypto.randomUUID()}`
      return refreshed(call, { access_token })
    }
    const people = await Promise.all(
      USERS.map(async (sub) => {
        const browser = await logIn(browse(), {
          sub,
          refresh_token: `refresh-${sub}`,
          expires_in: 1,
        })
        return { sub, browser }
      }),
    )
    later(2)
    for (let round = 0; round < 3; round++) {
      const crowd = Array.from({ length: 5 }, () => people)
        .flat()
        .sort(() => Math.random() - 0.5)
      await Promise.all(
        crowd.map(async ({ sub, browser }) => {
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 20))
          const [{ body }, session] = await Promise.all([ask(browser), askSession(browser)])
          expect(body.access_token).toContain(`refresh-${sub}`)
          expect(session.body.sub).toBe(sub)
        }),
      )
      later(3600)
    }
    expect(google.refreshes).toHaveLength(3 * USERS.length)
  })
})

it('no answer is stored in a shared cache', async () => {
  const google = scriptGoogle()
  google.token = (call) => refreshed(call)
  const caches_ = [vi.spyOn(caches, 'open'), vi.spyOn(caches.default, 'put')]
  const browser = await logIn(browse(), { expires_in: 1 })
  later(2)
  expect((await ask(browser)).status).toBe(200)
  for (const spy of caches_) expect(spy).not.toHaveBeenCalled()
  const asked = vi
    .mocked(fetch)
    .mock.calls.map(([, init]) => init as { cf?: object; cache?: string })
  for (const init of asked) expect(init).not.toHaveProperty('cf')
})

it('a request cannot name another user (TMB-43)', async () => {
  scriptGoogle()
  const [mine, other] = [browse(), browse()]
  await logIn(mine, { access_token: 'canary-mine' })
  await logIn(other, { sub: USERS[0] ?? '', access_token: 'canary-other' })
  const sub = USERS[0] ?? ''
  for (const body of [
    { bundle: 'pick', sub },
    { bundle: 'pick', subject: sub },
    { bundle: 'pick', user: sub, client: 'default' },
  ])
    expect((await ask(mine, body)).status).toBe(400)
  const headers = { 'X-Subject': sub, 'X-User-Id': sub }
  expect((await ask(mine, undefined, headers)).body.access_token).toBe('canary-mine')
  const named = await mine.call('GET', `${the.url}/session?sub=${sub}&subject=${sub}`)
  expect(await named.json()).toMatchObject({ sub: the.sub })
  await mine.call('DELETE', `${the.url}/grants/${sub}`)
  await mine.call('DELETE', `${the.url}/grants?sub=${sub}`)
  expect((await ask(other)).body.access_token).toBe('canary-other')
})
