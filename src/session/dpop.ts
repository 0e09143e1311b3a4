/** DPoP: verifies the proof that a request comes from the holder of a key, and makes nonces; RFC 9449. */

import { calculateJwkThumbprint, EmbeddedJWK, errors, type JWTPayload, jwtVerify } from 'jose'
import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { sha256 } from '../crypto/digest.ts'
import { open, type RecordKind, seal } from '../crypto/seal.ts'
import { BrokerError } from '../errors.ts'

/** `dpop_signing_alg_values_supported`: the one algorithm that all browsers support. */
export const DPOP_ALGORITHMS = ['ES256']

/** How old a proof may be, in seconds; RFC 9449 §11.1. */
const MAX_AGE_SECONDS = 120

/** How far ahead of ours a browser's clock may be, in seconds: a proof made for later could be used again later. */
const MAX_AHEAD_SECONDS = 10

/** How long a nonce is accepted, in seconds: proofs made in advance are useless after it. An access token lives as long. */
const NONCE_SECONDS = 60 * 60

/** How long an isolate answers with the same nonce, in seconds. A nonce holds only its time, and sealing costs CPU. */
const SAME_NONCE_SECONDS = 60

/** The last nonce that this isolate made. A nonce is compared with it first, to save decrypting it. */
const lastNonces = new WeakMap<Config, { nonce: string; iat: number }>()

/** The largest proof that is read, in characters (TMB-73). */
const MAX_PROOF_LENGTH = 4096
const MAX_JTI_LENGTH = 256

const NONCE: RecordKind<{ iat: number }> = {
  type: 'nonce',
  purpose: 'oauth',
  expiresAt: ({ iat }) => iat + NONCE_SECONDS,
}
const NONCE_PLACE = { kind: NONCE, at: 'dpop' }

/** A valid proof. Whether it was used before is checked later, by the subject's Durable Object. */
export interface Proof {
  /** SHA-256 thumbprint of the key; RFC 7638. */
  jkt: string
  jti: string
  /** NumericDate from which the proof is too old. */
  expires_at: number
}

/** The request that a proof must match. */
export interface ProofTarget {
  /** The `DPoP` header. */
  header: string | undefined
  method: string
  /** URL of the request. */
  url: string
  /** The access token of the request. */
  access_token?: string | undefined
}

/**
 * Verifies a DPoP proof: all checks of RFC 9449 §4.3 that need no storage.
 *
 * A nonce of ours is always required. It is accepted for one hour, by every isolate.
 *
 * @throws {BrokerError} `use_dpop_nonce` when only the nonce is wrong, otherwise `invalid_dpop_proof`
 */
export async function verifyProof(config: Config, target: ProofTarget): Promise<Proof> {
  const { header = '', method, access_token } = target
  if (header === '') throw new BrokerError('dpop_missing')
  if (header.length > MAX_PROOF_LENGTH) throw new BrokerError('dpop_length')
  const { payload, jkt } = await verifySignature(header)
  const { jti, iat = 0 } = payload
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH)
    throw new BrokerError('dpop_jti')
  if (payload['htm'] !== method) throw new BrokerError('dpop_htm')
  if (!isSameTarget(payload['htu'], target.url)) throw new BrokerError('dpop_htu')
  const ath = access_token === undefined ? undefined : await sha256(access_token)
  if (ath !== undefined && payload['ath'] !== ath) throw new BrokerError('dpop_ath')
  if (iat < now() - MAX_AGE_SECONDS || iat > now() + MAX_AHEAD_SECONDS)
    throw new BrokerError('dpop_iat')
  if (!(await isOurNonce(config, payload['nonce']))) throw new BrokerError('dpop_nonce')
  return { jkt, jti, expires_at: iat + MAX_AGE_SECONDS }
}

/** Makes the nonce of an answer; it changes once a minute; RFC 9449 §8. */
export async function newNonce(config: Config): Promise<string> {
  const iat = Math.floor(now())
  const last = lastNonces.get(config)
  if (last && iat >= last.iat && iat < last.iat + SAME_NONCE_SECONDS) return last.nonce
  const nonce = await seal(config.keyring, NONCE_PLACE, { iat })
  lastNonces.set(config, { nonce, iat })
  return nonce
}

async function verifySignature(proof: string): Promise<{ payload: JWTPayload; jkt: string }> {
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      algorithms: DPOP_ALGORITHMS,
      typ: 'dpop+jwt',
      requiredClaims: ['jti', 'htm', 'htu', 'iat'],
      currentDate: new Date(now() * 1000),
    })
    const { jwk } = protectedHeader
    if (jwk?.crv !== 'P-256') throw new BrokerError('dpop_jwk') // workerd accepts a key with a wrong `crv`
    return { payload, jkt: await calculateJwkThumbprint(jwk) }
  } catch (cause) {
    if (cause instanceof BrokerError || !isInvalidInput(cause)) throw cause
    throw new BrokerError('dpop_signature', { cause })
  }
}

/** Whether jose or the runtime rejected the proof, which is untrusted input; any other error is ours. */
function isInvalidInput(error: unknown): boolean {
  return [errors.JOSEError, TypeError, DOMException].some((kind) => error instanceof kind)
}

/** `htu` is the URL without query and fragment, after normalization; RFC 9449 §4.3. */
function isSameTarget(htu: unknown, url: string): boolean {
  const target = typeof htu === 'string' ? URL.parse(htu) : null
  const { origin, pathname } = new URL(url)
  return target?.origin === origin && target.pathname === pathname && !target.username
}

async function isOurNonce(config: Config, nonce: unknown): Promise<boolean> {
  if (typeof nonce !== 'string') return false
  const last = lastNonces.get(config)
  if (last?.nonce === nonce) return now() < last.iat + NONCE_SECONDS
  return (await open(config.keyring, NONCE_PLACE, nonce, now())) !== undefined
}
