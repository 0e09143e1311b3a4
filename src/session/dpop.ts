/** This file is DPoP: the proof that a request comes from the browser that holds a key; RFC 9449. */

import { calculateJwkThumbprint, EmbeddedJWK, errors, type JWTPayload, jwtVerify } from 'jose'
import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { sha256 } from '../crypto/digest.ts'
import { open, seal } from '../crypto/seal.ts'
import { BrokerError } from '../errors.ts'

/** The one algorithm that every browser has; `dpop_signing_alg_values_supported`. */
export const DPOP_ALGORITHMS = ['ES256']

/** How far a browser's clock may be off, and so how long a proof can be used; RFC 9449 §11.1. */
const MAX_SKEW_SECONDS = 120

/** How long a nonce is taken: proofs made in stock are worth nothing after it. As long as an access token lives. */
const NONCE_SECONDS = 60 * 60

/** How long an isolate answers with one nonce: it says when it was made and nothing else, and each costs a sealing. */
const SAME_NONCE_SECONDS = 60

/** The nonce each isolate made last; what it made itself, it need not open. */
const lastNonces = new WeakMap<Config, { nonce: string; iat: number }>()

/** Longer proofs are not even read (TMB-73). */
const MAX_PROOF_LENGTH = 4096
const MAX_JTI_LENGTH = 256

const NONCE_PLACE = { type: 'nonce', at: 'dpop' } as const

/** A proof that is good, as far as can be told without knowing whether it was used before. */
export interface Proof {
  /** SHA-256 thumbprint of the key; RFC 7638. */
  jkt: string
  jti: string
  /** NumericDate from which its `iat` alone would refuse it. */
  expires_at: number
}

/** What a proof has to be made for. */
export interface ProofTarget {
  /** The `DPoP` header. */
  header: string | undefined
  method: string
  /** URL of the request. */
  url: string
  /** The access token that comes with it. */
  access_token?: string
}

/**
 * Checks a DPoP proof in every way of RFC 9449 §4.3 that needs no storage.
 *
 * A nonce of ours is always needed: it holds for an hour, on every isolate.
 *
 * @throws {BrokerError} `invalid_dpop_proof`, or `use_dpop_nonce` when nothing but the nonce is wrong
 */
export async function verifyProof(config: Config, target: ProofTarget): Promise<Proof> {
  const { header = '', method, access_token } = target
  if (header === '' || header.length > MAX_PROOF_LENGTH) throw invalid('dpop_header')
  const { payload, jkt } = await verifySignature(header)
  const { jti, iat = 0 } = payload
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH)
    throw invalid('dpop_jti')
  if (payload['htm'] !== method) throw invalid('dpop_htm')
  if (!isSameTarget(payload['htu'], target.url)) throw invalid('dpop_htu')
  const ath = access_token === undefined ? undefined : await sha256(access_token)
  if (ath !== undefined && payload['ath'] !== ath) throw invalid('dpop_ath')
  if (Math.abs(now() - iat) > MAX_SKEW_SECONDS) throw invalid('dpop_iat')
  if (!(await isOurNonce(config, payload['nonce'])))
    throw new BrokerError('use_dpop_nonce', 'dpop_nonce')
  return { jkt, jti, expires_at: iat + MAX_SKEW_SECONDS }
}

/** Makes the nonce of an answer, the same for a minute; RFC 9449 §8. */
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
    if (jwk?.crv !== 'P-256') throw invalid('dpop_jwk') // workerd reads a key that misnames its curve
    return { payload, jkt: await calculateJwkThumbprint(jwk) }
  } catch (cause) {
    if (cause instanceof BrokerError || !isVerdict(cause)) throw cause
    throw new BrokerError('invalid_dpop_proof', 'dpop_signature', { cause })
  }
}

/** Whatever jose or the runtime says of a text that came from outside is a verdict on it. */
function isVerdict(error: unknown): boolean {
  return (
    error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException
  )
}

/** `htu` is the URL without query and fragment, after normalization; RFC 9449 §4.3. */
function isSameTarget(htu: unknown, url: string): boolean {
  const told = typeof htu === 'string' ? URL.parse(htu) : null
  const { origin, pathname } = new URL(url)
  return told !== null && told.origin === origin && told.pathname === pathname && !told.username
}

async function isOurNonce(config: Config, nonce: unknown): Promise<boolean> {
  if (typeof nonce !== 'string') return false
  const last = lastNonces.get(config)
  const opened = (last?.nonce === nonce ? last : await open(config.keyring, NONCE_PLACE, nonce)) as
    | { iat: number }
    | undefined
  return opened !== undefined && now() < opened.iat + NONCE_SECONDS
}

function invalid(reason: string): BrokerError {
  return new BrokerError('invalid_dpop_proof', reason)
}
