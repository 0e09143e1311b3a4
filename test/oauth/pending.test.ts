/** Tests of pending grants: sealed, unused and deleted after a minute; and of what requests of OAuth mode cost. */

import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Subject } from '../../src/subject/subject.ts'
import { subjectOf, the } from '../support/broker.ts'
import {
  configureClients,
  gallery,
  OAUTH_CLIENTS,
  openFrontend,
  sha256,
} from '../support/frontend.ts'
import { codeFor, frontend, google, stageOAuthMode } from '../support/oauth-mode.ts'
import { alarm, countCosts, dumpKv, dumpObject, later, storedIn, travel } from '../support/story.ts'

stageOAuthMode()

let stub: DurableObjectStub<Subject>
beforeEach(async () => {
  stub = (await subjectOf(the.sub, gallery.id)).stub
})

async function rows(table: string): Promise<unknown[]> {
  return [...(await storedIn(stub, table)).values()]
}

async function alarmIn(): Promise<number> {
  const at = await runInDurableObject(stub, async (_, { storage }) => storage.getAlarm())
  return Math.round(((at ?? 0) - Date.now()) / 1000)
}

describe('a pending grant', () => {
  it('is stored sealed in the Durable Object only, without a grant or session', async () => {
    await codeFor(frontend)
    expect(await rows('pending_grants')).toHaveLength(1)
    for (const table of ['grants', 'tokens', 'sessions']) expect(await rows(table)).toEqual([])
    expect(await dumpKv()).toEqual(new Map())
    const text = await dumpObject(stub)
    for (const secret of [the.sub, 'googleapis', 'ya29', frontend.code_verifier])
      expect(text).not.toContain(secret)
    expect(await alarmIn()).toBe(60)
  })

  it('survives an eviction of the object, and still expires after it', async () => {
    const code = await codeFor(frontend)
    await evictDurableObject(stub)
    expect((await frontend.redeem(code)).status).toBe(200)
    const other = await codeFor(await openFrontend(), 'upload')
    await evictDurableObject(stub)
    expect(await alarmIn()).toBeLessThanOrEqual(60)
    later(61)
    await alarm(stub)
    expect((await frontend.redeem(other)).body.error).toBe('invalid_grant')
    expect(await rows('pending_grants')).toEqual([])
  })

  it('that expires is revoked if the user has no other grant, and the object deletes its storage (TMB-65)', async () => {
    configureClients({ gallery: OAUTH_CLIENTS.gallery })
    await codeFor(frontend)
    later(61)
    await alarm(stub)
    expect(google.calls('revoke')).toBe(1)
    for (const table of ['pending_grants', 'grants', 'revocation_outbox'])
      expect(await rows(table)).toEqual([])
    later(24 * 60 * 60 + 1)
    await alarm(stub)
    const left = await runInDurableObject(stub, (_, { storage }) => [...storage.kv.list()])
    expect(left).toEqual([])
  })

  it('that expires is only deleted if the user may have a grant of another client', async () => {
    await codeFor(frontend)
    later(61)
    await alarm(stub)
    expect(google.calls('revoke')).toBe(0)
    for (const table of ['pending_grants', 'grants', 'revocation_outbox'])
      expect(await rows(table)).toEqual([])
  })

  it('that expires is not revoked while the user has another pending grant', async () => {
    configureClients({ gallery: OAUTH_CLIENTS.gallery })
    await codeFor(frontend)
    later(30)
    const code = await codeFor(frontend, 'upload')
    later(31)
    await alarm(stub)
    expect(google.calls('revoke')).toBe(0)
    expect((await frontend.redeem(code)).status).toBe(200)
  })

  it('that precedes a disconnect cannot be redeemed after it (TMB-61)', async () => {
    await frontend.connect(google, 'pick')
    const code = await codeFor(frontend, 'upload')
    expect((await frontend.call('DELETE', '/grants')).status).toBe(204)
    expect((await frontend.redeem(code)).body.error).toBe('invalid_grant')
    expect(await rows('grants')).toEqual([])
  })
})

describe('the cost', () => {
  it('of an access token is one KV read (edge) or one request to the Durable Object (strict)', async () => {
    await frontend.connect(google, 'pick')
    travel('home')
    await frontend.ask('pick')
    const costs = countCosts()
    for (let call = 0; call < 10; call++) expect((await frontend.ask('pick')).status).toBe(200)
    expect([costs.kv(), costs.objects(), costs.outbound()]).toEqual([10, 0, 0])
    configureClients(OAUTH_CLIENTS, { CONSISTENCY: 'strict' })
    for (let call = 0; call < 10; call++) expect((await frontend.ask('pick')).status).toBe(200)
    expect([costs.kv(), costs.objects(), costs.outbound()]).toEqual([10, 10, 0])
  })

  it('of a longer min_ttl or a rejected token is a refresh', async () => {
    const { access_token } = await frontend.connect(google, 'pick')
    const refreshed = await frontend.ask('pick', { rejected: await sha256(access_token) })
    expect(refreshed.status).toBe(200)
    expect(refreshed.body.access_token).not.toBe(access_token)
    later(3599 - 1700)
    const longer = await frontend.ask('pick', { min_ttl: '1800' })
    expect(longer.body.expires_in).toBeGreaterThan(3500)
    for (const min_ttl of ['1801', '-1', '1e3', 'x'])
      expect((await frontend.ask('pick', { min_ttl })).body.error).toBe('invalid_request')
    expect((await frontend.ask('pick', { rejected: 'x' })).body.error).toBe('invalid_request')
  })
})
