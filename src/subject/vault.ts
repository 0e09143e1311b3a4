/** This file is the vault: a subject's tokens on their way into storage and out of it, each sealed for its own place. */

import type { AuditLog } from '../audit/audit.ts'
import type { Keyring } from '../crypto/keyring.ts'
import { open, type Place, seal } from '../crypto/seal.ts'
import type { AccessToken, Consent, Grant } from './grant.ts'
import { grantKey, tokenKey } from './kv-records.ts'
import type { PendingRow, TokenRow } from './ledger.ts'

/** Seals and opens the records of one subject; what does not open comes back `undefined`. */
export interface Vault {
  sealGrant(scope_set_key: string, grant: Grant): Promise<string>
  openGrant(row: { scope_set_key: string; sealed: string } | undefined): Promise<Grant | undefined>
  sealToken(scope_set_key: string, token: AccessToken): Promise<string>
  openToken(row: TokenRow | undefined): Promise<AccessToken | undefined>
  sealConsent(id: string, consent: Consent): Promise<string>
  openConsent(row: PendingRow): Promise<Consent | undefined>
}

/** Makes the vault of a subject. */
export function createVault(keyring: Keyring, subject: string, audit: AuditLog): Vault {
  const openOrTell = async (place: Place, sealed: string): Promise<unknown> => {
    const record = await open(keyring, place, sealed)
    if (record === undefined) audit.record('record_unreadable', { subject })
    return record
  }
  const placeOfConsent = (id: string): Place => ({ type: 'consent', at: `${subject}/${id}` })
  return {
    sealGrant: (scope_set_key, grant) =>
      seal(keyring, { type: 'grant', at: grantKey(subject, scope_set_key) }, grant),
    openGrant: async (row) =>
      row &&
      ((await openOrTell(
        { type: 'grant', at: grantKey(subject, row.scope_set_key) },
        row.sealed,
      )) as Grant | undefined),
    sealToken: (scope_set_key, token) =>
      seal(keyring, { type: 'token', at: tokenKey(subject, scope_set_key) }, token),
    openToken: async (row) =>
      row &&
      ((await openOrTell(
        { type: 'token', at: tokenKey(subject, row.scope_set_key) },
        row.sealed,
      )) as AccessToken | undefined),
    sealConsent: (id, consent) => seal(keyring, placeOfConsent(id), consent),
    openConsent: async ({ id, sealed }) =>
      (await openOrTell(placeOfConsent(id), sealed)) as Consent | undefined,
  }
}
