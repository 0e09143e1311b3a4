/** The vault: seals and opens the stored records of one subject. */

import type { AuditLog } from '../audit/audit.ts'
import { now } from '../clock.ts'
import type { Keyring } from '../crypto/keyring.ts'
import { open, type Place, seal } from '../crypto/seal.ts'
import type { AccessToken, Consent, Grant } from './grant.ts'
import { ACCESS_TOKEN, CONSENT, GRANT } from './grant.ts'
import { grantKey, tokenKey } from './kv-records.ts'
import type { PendingRow, SealedTable, TokenRow } from './ledger.ts'
import { requireKnownVersion } from './stored-version.ts'

/**
 * Seals and opens the records of one subject; a record that does not open is `undefined`. One of a later version of the
 * broker is a `BrokerError`.
 */
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
  const openRow = async <T extends { v?: number }>(
    place: Place<T>,
    sealed: string,
  ): Promise<T | undefined> => {
    const record = await open(keyring, place, sealed, now())
    if (record === undefined) audit.record('record_unreadable', { subject })
    requireKnownVersion(record?.v)
    return record
  }
  return {
    sealGrant: (key, grant) => seal(keyring, grantPlace(subject, key), grant),
    openGrant: async (row) => row && openRow(grantPlace(subject, row.scope_set_key), row.sealed),
    sealToken: (key, token) => seal(keyring, tokenPlace(subject, key), token),
    openToken: async (row) => row && openRow(tokenPlace(subject, row.scope_set_key), row.sealed),
    sealConsent: (id, consent) => seal(keyring, consentPlace(subject, id), consent),
    openConsent: ({ id, sealed }) => openRow(consentPlace(subject, id), sealed),
  }
}

/** Finds the place of the sealed record in a row of a table. */
export function placeOf(
  subject: string,
  table: SealedTable,
  { scope_set_key = '', id = '' }: { scope_set_key?: string; id?: string | number },
): Place<object> {
  if (table === 'pending_grants') return consentPlace(subject, String(id))
  return (table === 'tokens' ? tokenPlace : grantPlace)(subject, scope_set_key)
}

function grantPlace(subject: string, scope_set_key: string): Place<Grant> {
  return { kind: GRANT, at: grantKey(subject, scope_set_key) }
}

function tokenPlace(subject: string, scope_set_key: string): Place<AccessToken> {
  return { kind: ACCESS_TOKEN, at: tokenKey(subject, scope_set_key) }
}

function consentPlace(subject: string, id: string): Place<Consent> {
  return { kind: CONSENT, at: `${subject}/${id}` }
}
