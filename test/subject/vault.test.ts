/** This file is the tests of the vault: a record opens for its own subject, under its own name, as its own kind. */

import { decodeProtectedHeader } from 'jose'
import { beforeEach, expect, it } from 'vitest'
import type { AuditTrail } from '../../src/audit/audit.ts'
import { createVault, type Vault } from '../../src/subject/vault.ts'
import { ringOf } from '../crypto/keys.ts'

const keyring = ringOf({ k1: 1 })
const told: unknown[] = []
const trail: AuditTrail = { record: (event, fields) => void told.push({ event, ...fields }) }
const ada = createVault(keyring, 'ada', trail)
const ben = createVault(keyring, 'ben', trail)
const record = { v: 1 } as never

interface Kind {
  kind: string
  at: string
  seal(vault: Vault, name: string): Promise<string>
  open(vault: Vault, name: string, sealed: string): Promise<unknown>
}

const KINDS: Kind[] = [
  {
    kind: 'grant',
    at: 'grant/ada/a',
    seal: (vault, name) => vault.sealGrant(name, record),
    open: (vault, scopes, sealed) => vault.openGrant({ scopes, sealed }),
  },
  {
    kind: 'token',
    at: 'token/ada/a',
    seal: (vault, name) => vault.sealToken(name, record),
    open: (vault, scopes, sealed) => vault.openToken({ scopes, sealed } as never),
  },
  {
    kind: 'consent',
    at: 'ada/a',
    seal: (vault, name) => vault.sealConsent(name, record),
    open: (vault, id, sealed) => vault.openConsent({ id, sealed } as never),
  },
]

beforeEach(() => void told.splice(0))

it.each(KINDS)(
  'a $kind opens as what it is, where it is (TMB-53)',
  async ({ kind, at, seal, open }) => {
    const sealed = await seal(ada, 'a')
    expect(decodeProtectedHeader(sealed)).toMatchObject({ typ: `ptb-${kind}+jwe`, at })
    expect(await open(ada, 'a', sealed)).toEqual(record)
    expect(told).toEqual([])
    expect(await open(ada, 'b', sealed)).toBeUndefined()
    expect(told).toEqual([{ event: 'record_unreadable', subject: 'ada' }])
    expect(await open(ben, 'a', sealed)).toBeUndefined()
    for (const other of KINDS)
      if (other.kind !== kind) expect(await other.open(ada, 'a', sealed)).toBeUndefined()
  },
)

it('where there is no row there is no record', async () => {
  expect(await ada.openGrant(undefined)).toBeUndefined()
  expect(await ada.openToken(undefined)).toBeUndefined()
  expect(told).toEqual([])
})
