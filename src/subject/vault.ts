/** This file is the vault: a subject's tokens on their way into storage and out of it, each sealed for its own place. */

import type { AuditTrail } from '../audit/audit.ts'
import type { Keyring } from '../crypto/keyring.ts'
import { open, type Place, seal } from '../crypto/seal.ts'
import type { AccessToken, Consent, Grant } from './grant.ts'
import { grantKey, tokenKey } from './kv-records.ts'
import type { PendingRow, TokenRow } from './ledger.ts'

/** Seals and opens the records of one subject; what does not open comes back `undefined`. */
export interface Vault {
  sealGrant(scopes: string, grant: Grant): Promise<string>
  openGrant(row: { scopes: string; sealed: string } | undefined): Promise<Grant | undefined>
  sealToken(scopes: string, token: AccessToken): Promise<string>
  openToken(row: TokenRow | undefined): Promise<AccessToken | undefined>
  sealConsent(id: string, consent: Consent): Promise<string>
  openConsent(row: PendingRow): Promise<Consent | undefined>
}

/** Makes the vault of a subject. */
export function createVault(keyring: Keyring, subject: string, trail: AuditTrail): Vault {
  const openOrTell = async (place: Place, sealed: string): Promise<unknown> => {
    const record = await open(keyring, place, sealed)
    if (record === undefined) trail.record('record_unreadable', { subject })
    return record
  }
  const placeOfConsent = (id: string): Place => ({ type: 'consent', at: `${subject}/${id}` })
  return {
    sealGrant: (scopes, grant) =>
      seal(keyring, { type: 'grant', at: grantKey(subject, scopes) }, grant),
    openGrant: async (row) =>
      row &&
      ((await openOrTell({ type: 'grant', at: grantKey(subject, row.scopes) }, row.sealed)) as
        | Grant
        | undefined),
    sealToken: (scopes, token) =>
      seal(keyring, { type: 'token', at: tokenKey(subject, scopes) }, token),
    openToken: async (row) =>
      row &&
      ((await openOrTell({ type: 'token', at: tokenKey(subject, row.scopes) }, row.sealed)) as
        | AccessToken
        | undefined),
    sealConsent: (id, consent) => seal(keyring, placeOfConsent(id), consent),
    openConsent: async ({ id, sealed }) =>
      (await openOrTell(placeOfConsent(id), sealed)) as Consent | undefined,
  }
}
