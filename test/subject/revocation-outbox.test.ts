/** This file is the tests of the revoker: Google is told until it hears, of all that has to end and nothing that has not (TMB-62). */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, expect, it, vi } from 'vitest'
import type { AuditTrail } from '../../src/audit/audit.ts'
import { now } from '../../src/clock.ts'
import { type Ledger, openLedger } from '../../src/subject/ledger.ts'
import { createRevoker, type Revoker } from '../../src/subject/revocation-outbox.ts'
import { createVault, type Vault } from '../../src/subject/vault.ts'
import { theConfig } from '../support/broker.ts'
import { until } from '../support/holder.ts'
import { type ScriptedGoogle, scriptGoogle } from '../support/scripted-google.ts'
import { later, readLog, stage } from '../support/story.ts'

stage()

let google: ScriptedGoogle
let lines: ReturnType<typeof readLog>
beforeEach(() => {
  google = scriptGoogle()
  lines = readLog('warn', 'error')
})

interface Given {
  ledger: Ledger
  vault: Vault
  revoker: Revoker
  schedule: ReturnType<typeof vi.fn<() => Promise<void>>>
  recorded: string[]
}

async function revoking(work: (given: Given) => Promise<void>): Promise<void> {
  const stub = env.SUBJECTS.getByName(crypto.randomUUID())
  await runInDurableObject(stub, async (_, { storage }) => {
    const config = theConfig()
    const ledger = openLedger(storage)
    const recorded: string[] = []
    const trail: AuditTrail = {
      record: (event, { subject }) => void recorded.push(`${event} ${subject}`),
    }
    const vault = createVault(config.keyring, 'ada', { record: () => {} })
    const schedule = vi.fn(async () => {})
    const revoker = createRevoker({ config, subject: 'ada', ledger, vault, trail, schedule })
    await work({ ledger, vault, revoker, schedule, recorded })
  })
}

async function sealedGrant({ vault }: Given, sub = 'ada', refresh_token = `canary-${sub}`) {
  const grant = { v: 1, sub, refresh_token, scope: 's', generation: 'g' } as const
  const sealed = await vault.sealGrant('a', { ...grant, granted_at: 1, issued_before: 0 })
  return { scopes: 'a', sealed }
}

const revoked = (): unknown[] => google.revocations.map(({ body }) => body.get('token'))
const waiting = (ledger: Ledger): string[] => ledger.all('revocations').map(({ sealed }) => sealed)

it('what is noted is told at once, and gone once Google has heard', async () => {
  await revoking(async (given) => {
    const { ledger, revoker } = given
    revoker.note(await sealedGrant(given))
    expect(ledger.all('revocations')).toMatchObject([
      { scopes: 'a', failures: 0, not_before: now() },
    ])
    await revoker.flush()
    expect(revoked()).toEqual(['canary-ada'])
    expect(ledger.all('revocations')).toEqual([])
  })
})

it('what Google did not hear is told again after 2, 4, 8 … seconds, an hour at most, and dropped after 180 tries', async () => {
  google.revoke = () => new Response(null, { status: 503 })
  await revoking(async (given) => {
    const { ledger, recorded, revoker } = given
    revoker.note(await sealedGrant(given))
    for (let tries = 1; tries <= 180; tries++) {
      const pause = Math.min(2 ** tries, 3600)
      await revoker.flush()
      expect(ledger.all('revocations')).toMatchObject([
        { failures: tries, not_before: now() + pause },
      ])
      later(pause - 0.001)
      await revoker.flush()
      expect(google.revocations).toHaveLength(tries)
      later(0.001)
    }
    expect(recorded).toEqual(Array.from({ length: 180 }, () => 'revocation_failed ada'))
    await revoker.flush()
    expect(google.revocations).toHaveLength(180)
    expect(ledger.all('revocations')).toEqual([])
    expect(lines.at(-1)).toMatchObject({
      ...{ level: 'error', event: 'revocation_dropped' },
      ...{ subject: 'ada', reason: 'google_unreachable' },
    })
  })
})

it('what does not open is dropped, and the log says so', async () => {
  await revoking(async ({ ledger, revoker }) => {
    revoker.note({ scopes: 'a', sealed: 'x' })
    await revoker.flush()
    expect(google.revocations).toEqual([])
    expect(ledger.all('revocations')).toEqual([])
    expect(lines).toMatchObject([
      { event: 'revocation_dropped', subject: 'ada', reason: 'record_unreadable' },
    ])
  })
})

it('while consents wait for their codes all is put off until the last of them is over', async () => {
  await revoking(async (given) => {
    const { ledger, revoker } = given
    const wait = (id: string, seconds: number, redeemed: string | null): void =>
      ledger.put('pending_grants', { id, sealed: '', expires_at: now() + seconds, redeemed })
    wait('one', 50, null)
    wait('two', 60, null)
    wait('redeemed', 90, '')
    const until = now() + 60
    revoker.note(await sealedGrant(given))
    await revoker.flush()
    expect(google.revocations).toEqual([])
    expect(ledger.all('revocations')).toMatchObject([{ failures: 1, not_before: until }])
    later(60)
    await revoker.flush()
    expect(revoked()).toEqual(['canary-ada'])
  })
})

it('an orphan is revoked where no grant is held, which would end with it', async () => {
  await revoking(async (given) => {
    const { ledger, revoker } = given
    const grant = { scopes: 'b', generation: 'g', granted_at: 1, refreshed_at: 1, sealed: '' }
    ledger.put('grants', grant)
    revoker.noteOrphan(await sealedGrant(given))
    expect(ledger.all('revocations')).toEqual([])
    ledger.remove('grants', 'b')
    revoker.noteOrphan(await sealedGrant(given))
    expect(ledger.all('revocations')).toHaveLength(1)
  })
})

it('a new consent gives up what is noted of its account and what nobody can read, and says so', async () => {
  await revoking(async (given) => {
    const { ledger, revoker } = given
    const [own, other] = [await sealedGrant(given), await sealedGrant(given, 'ben')]
    for (const grant of [own, other, { scopes: 'a', sealed: 'x' }]) revoker.note(grant)
    const others = await revoker.ofOthers('ada')
    revoker.forgoAllBut(others)
    expect(waiting(ledger)).toEqual([other.sealed])
    expect(lines).toMatchObject([{ level: 'warn', event: 'revocation_forgone', subject: 'ada' }])
    revoker.forgoAllBut(others)
    expect(waiting(ledger)).toEqual([other.sealed])
    expect(lines).toHaveLength(1)
  })
})

it('the alarm is set before Google is told and after, and one flush waits for another', async () => {
  await revoking(async (given) => {
    const { revoker, schedule } = given
    const steps: string[] = []
    schedule.mockImplementation(async () => void steps.push('alarm'))
    let isHeld = true
    google.revoke = async ({ body }) => {
      steps.push(`${body.get('token')}`)
      await until(() => !isHeld)
      return new Response(null)
    }
    revoker.note(await sealedGrant(given))
    const first = revoker.flush()
    expect(steps).toEqual(['alarm'])
    await until(() => steps.length > 1)
    revoker.note(await sealedGrant(given, 'ben'))
    const second = revoker.flush()
    isHeld = false
    await first
    expect(steps).toEqual(['alarm', 'canary-ada', 'alarm', 'alarm'])
    await second
    expect(steps.slice(4)).toEqual(['canary-ben', 'alarm'])
  })
})
