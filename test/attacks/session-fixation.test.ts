/** Attack: session fixation with a planted or an ended session (TMB-32, TMB-15). */

import { describe, expect, it } from 'vitest'
import { ask, askSession, browse, subjectOf, the } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import { configureClients, openFrontend } from '../support/frontend.ts'
import { ADA, BEN, simulateGoogle } from '../support/simulated-google.ts'
import { aMinute, later, stage, travel } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const HOST = 'broker.example'
const SESSION = '__Host-Http-ptb-session-default'

const sessionOf = (browser: Browser): string => browser.jar.get(HOST)?.get(SESSION) ?? ''

function plant(browser: Browser, value: string): void {
  browser.jar.set(HOST, new Map([[SESSION, value]]))
}

function holderOf(value: string): Browser {
  const browser = browse()
  plant(browser, value)
  return browser
}

/** The status of each call that accepts a session. */
async function statusesOf(browser: Browser): Promise<number[]> {
  return [
    (await ask(browser)).status,
    (await askSession(browser)).status,
    (await browser.call('DELETE', `${the.url}/grants/pick`)).status,
  ]
}

describe('cookie mode', () => {
  it('an attacker’s live session, planted before login, gets nothing of the victim’s consent', async () => {
    const google = simulateGoogle()
    const [attacker, victim] = [google.browse(), google.browse()]
    await google.connect(attacker, 'pick', { account: BEN })
    plant(victim, sessionOf(attacker))
    const back = await google.connect(victim, 'upload', { account: ADA })
    expect(back.url.search).toBe('?connect=error&bundle=upload&error=account_mismatch')
    expect((await ask(attacker, { bundle: 'upload' })).body.error).toBe('consent_required')
    expect((await askSession(attacker)).body.sub).toBe(BEN)
    expect(sessionOf(victim)).toBe(sessionOf(attacker))

    await victim.call('DELETE', `${the.url}/session`)
    expect((await google.connect(victim, 'upload', { account: ADA })).url.search).toBe(
      '?connect=ok&bundle=upload',
    )
    expect(sessionOf(victim)).not.toBe(sessionOf(attacker))
    expect((await askSession(victim)).body.sub).toBe(ADA)
    await aMinute((await subjectOf(BEN)).stub)
    expect(await statusesOf(holderOf(sessionOf(attacker)))).toEqual([401, 401, 401])
  })

  it.each([
    { what: 'made up', value: async () => 'planted' },
    { what: 'empty', value: async () => '' },
    {
      what: 'an ended session',
      value: async () => {
        const google = simulateGoogle()
        const attacker = google.browse()
        await google.connect(attacker, 'pick', { account: BEN })
        const ended = sessionOf(attacker)
        await attacker.call('DELETE', `${the.url}/session`)
        await aMinute((await subjectOf(BEN)).stub)
        return ended
      },
    },
  ])('a planted value that is $what is never adopted (TMB-32)', async ({ value }) => {
    const planted = await value()
    const google = simulateGoogle()
    const victim = google.browse()
    plant(victim, planted)
    expect(await statusesOf(victim)).toEqual([401, 401, 401])
    later(5)
    expect((await google.connect(victim, 'pick')).url.search).toBe('?connect=ok&bundle=pick')
    expect(sessionOf(victim)).not.toBe(planted)
    expect((await ask(victim)).status).toBe(200)
    expect(await statusesOf(holderOf(planted))).toEqual([401, 401, 401])
  })

  it.each([
    { consistency: 'strict', wait: false },
    { consistency: 'edge', wait: true },
  ])(
    '$consistency: the cookie from before a new login is refused at all locations',
    async ({ consistency, wait }) => {
      configure({ CONSISTENCY: consistency })
      const google = simulateGoogle()
      const browser = google.browse()
      await google.connect(browser, 'pick')
      const old = holderOf(sessionOf(browser))
      const ended = sessionOf(old)
      for (const location of ['fra', 'sin']) {
        travel(location)
        expect((await ask(old)).status).toBe(200)
      }
      later(5)
      await google.connect(browser, 'upload')
      expect(sessionOf(browser)).not.toBe(sessionOf(old))
      if (wait) await aMinute((await subjectOf()).stub)
      for (const location of ['fra', 'sin', 'nrt']) {
        travel(location)
        expect((await ask(old)).status).toBe(401)
        expect((await ask(browser)).status).toBe(200)
      }
      expect(await statusesOf(old)).toEqual([401, 401, 401])
      // A refusal does not clear the cookie: it may reach a browser that already has the new one.
      expect(sessionOf(old)).toBe(ended)
    },
  )

  it('a flow of one user cannot be finished after another has logged in (TMB-15)', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    await google.connect(browser, 'pick', { account: ADA })
    const callback = await google.consent(await google.start(browser, 'upload'), { account: ADA })
    await browser.call('DELETE', `${the.url}/session`)
    later(5)
    await google.connect(browser, 'pick', { account: BEN })
    const ben = sessionOf(browser)
    expect((await browser.visit(callback)).url.search).toBe(
      '?connect=error&bundle=upload&error=access_denied',
    )
    expect(sessionOf(browser)).toBe(ben)
    expect((await askSession(browser)).body).toMatchObject({
      sub: BEN,
      bundles: { upload: { status: 'consent_required', reason: 'never_granted' } },
    })
    await browser.call('DELETE', `${the.url}/session`)
    await google.connect(browser, 'pick', { account: ADA })
    expect((await ask(browser, { bundle: 'upload' })).status).toBe(403)
  })
})

describe('OAuth mode', () => {
  it('a planted refresh token is refused with the key of the page', async () => {
    configureClients()
    const google = simulateGoogle()
    const [attacker, victim] = [await openFrontend(), await openFrontend()]
    await attacker.connect(google, 'pick', { account: BEN })
    victim.refresh_token = attacker.refresh_token
    expect((await victim.ask('pick')).body.error).toBe('invalid_grant')
    expect((await victim.ask('broker')).body.error).toBe('invalid_grant')
  })

  it('every code begins a new session, also with a planted refresh token', async () => {
    configureClients()
    const google = simulateGoogle()
    const [attacker, victim] = [await openFrontend(), await openFrontend()]
    await attacker.connect(google, 'pick', { account: BEN })
    const back = await victim.consent(google, google.browse(), 'pick', { account: ADA })
    const { body } = await victim.redeem(back.searchParams.get('code') ?? '', {
      refresh_token: attacker.refresh_token,
    })
    victim.refresh_token = body.refresh_token ?? ''
    expect(victim.refresh_token).not.toBe(attacker.refresh_token)
    const [his, hers] = [
      await attacker.call('GET', '/session'),
      await victim.call('GET', '/session'),
    ]
    expect([his.body.sub, hers.body.sub]).toEqual([BEN, ADA])
    expect((await attacker.ask('pick')).body.access_token).not.toBe(body.access_token)
  })
})
