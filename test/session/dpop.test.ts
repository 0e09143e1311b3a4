/** DPoP proofs and nonces: each check with its logged reason, and each limit. */

import { env } from 'cloudflare:workers'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { type Place, seal } from '../../src/crypto/seal.ts'
import { BrokerError } from '../../src/errors.ts'
import { DPOP_ALGORITHMS, newNonce, type Proof, verifyProof } from '../../src/session/dpop.ts'
import { sign } from './jws.ts'

const AT = 2_000_000_000
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: AT * 1000 })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const { config } = readConfig(env)
const keys = (await generateKeyPair('ES256', { extractable: true })) as CryptoKeyPair
const jwk = await exportJWK(keys.publicKey)
const URL_ = 'https://broker.example/token'
const KIND = { type: 'nonce', purpose: 'oauth' } as const
const NONCE_PLACE: Place<{ iat: number }> = { kind: KIND, at: 'dpop' }

interface Change {
  header?: object
  claims?: object
  access_token?: string
  url?: string
}

async function prove({ header = {}, claims = {} }: Change = {}): Promise<string> {
  const nonce = await newNonce(config)
  return sign(
    { typ: 'dpop+jwt', alg: 'ES256', jwk, ...header },
    { htm: 'POST', htu: URL_, iat: AT, jti: 'j', nonce, ...claims },
    keys.privateKey,
  )
}

/** The proof, or the code and reason of the failure. */
async function verify(header: string | undefined, more: Change = {}): Promise<Proof | string> {
  const { access_token, url = URL_ } = more
  const target = { header, method: 'POST', url, ...(access_token ? { access_token } : {}) }
  try {
    return await verifyProof(config, target)
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    return `${error.failure.code} ${error.failure.reason}`
  }
}

/** Makes a proof of `length` characters, or the next possible length. */
async function proofOf(length: number): Promise<string> {
  const bare = (await prove({ claims: { x: '' } })).length
  for (let pad = Math.floor(((length - bare) * 3) / 4) - 4; ; pad++) {
    const proof = await prove({ claims: { x: 'x'.repeat(pad) } })
    if (proof.length >= length) return proof
  }
}

it('a valid proof gives the key thumbprint, the jti and the expiry', async () => {
  const jkt = await calculateJwkThumbprint(jwk)
  expect(await verify(await prove())).toEqual({ jkt, jti: 'j', expires_at: AT + 120 })
  expect(DPOP_ALGORITHMS).toEqual(['ES256'])
})

it.each<{ what: string; change: Change; reason: string }>([
  { what: 'a jti that is no text', change: { claims: { jti: 7 } }, reason: 'dpop_jti' },
  { what: 'a long jti', change: { claims: { jti: 'x'.repeat(257) } }, reason: 'dpop_jti' },
  { what: 'another method', change: { claims: { htm: 'post' } }, reason: 'dpop_htm' },
  { what: 'another path', change: { claims: { htu: `${URL_}/` } }, reason: 'dpop_htu' },
  {
    what: 'a URL with a user',
    change: { claims: { htu: URL_.replace('//', '//u@') } },
    reason: 'dpop_htu',
  },
  {
    what: 'another origin',
    change: { claims: { htu: URL_.replace('https', 'http') } },
    reason: 'dpop_htu',
  },
  { what: 'no URL', change: { claims: { htu: 'token' } }, reason: 'dpop_htu' },
  { what: 'no hash of the token', change: { access_token: 'a' }, reason: 'dpop_ath' },
  { what: 'an exp in the past', change: { claims: { exp: AT - 1 } }, reason: 'dpop_signature' },
  { what: 'an nbf in the future', change: { claims: { nbf: AT + 1 } }, reason: 'dpop_signature' },
  { what: 'a stale iat', change: { claims: { iat: AT - 120.5 } }, reason: 'dpop_iat' },
  { what: 'an iat in the future', change: { claims: { iat: AT + 120.5 } }, reason: 'dpop_iat' },
  { what: 'no jwk', change: { header: { jwk: undefined } }, reason: 'dpop_signature' },
  {
    what: 'a misnamed curve',
    change: { header: { jwk: { ...jwk, crv: '\0' } } },
    reason: 'dpop_jwk',
  },
  { what: 'another typ', change: { header: { typ: 'JWT' } }, reason: 'dpop_signature' },
  { what: 'no htm', change: { claims: { htm: undefined } }, reason: 'dpop_signature' },
  { what: 'no iat', change: { claims: { iat: undefined } }, reason: 'dpop_signature' },
])('a proof with $what is refused: $reason', async ({ change, reason }) => {
  expect(await verify(await prove(change), change)).toBe(`invalid_dpop_proof ${reason}`)
})

it('a proof may have exp and nbf, and a hash without a token', async () => {
  const claims = { exp: AT + 1, nbf: AT, ath: 'x' }
  expect(await verify(await prove({ claims }))).toMatchObject({ jti: 'j' })
})

it('a proof may have 4,096 characters, and a jti 256', async () => {
  const most = await proofOf(4096)
  expect(most.length).toBe(4096)
  expect(await verify(most)).toMatchObject({ jti: 'j' })
  const more = await proofOf(4097)
  expect(more.length).toBeGreaterThan(4096)
  expect(await verify(more)).toBe('invalid_dpop_proof dpop_header')
  const jti = 'x'.repeat(256)
  expect(await verify(await prove({ claims: { jti } }))).toMatchObject({ jti })
})

it('a nonce is accepted for one hour, and only if the broker made it', async () => {
  const nonceOf = async (iat: number): Promise<string> => seal(config.keyring, NONCE_PLACE, { iat })
  const withNonce = async (nonce: unknown): Promise<unknown> =>
    verify(await prove({ claims: { nonce } }))
  expect(await withNonce(await nonceOf(AT - 3599))).toMatchObject({ jti: 'j' })
  const others = [
    await nonceOf(AT - 3600),
    await seal(config.keyring, { ...NONCE_PLACE, kind: { ...KIND, type: 'code' } }, { iat: AT }),
    7,
    'n',
  ]
  for (const nonce of others) expect(await withNonce(nonce)).toBe('use_dpop_nonce dpop_nonce')
})

it('a nonce is the same for a minute, and accepted by other isolates', async () => {
  const at = async (seconds: number): Promise<string> => {
    vi.setSystemTime((AT + seconds) * 1000)
    return newNonce(config)
  }
  const first = await at(1000)
  expect([await at(1000), await at(1059)]).toEqual([first, first])
  expect(await at(1060)).not.toBe(first)
  const { config: elsewhere } = readConfig(env)
  for (const [seconds, isGood] of [
    [1000 + 3599, true],
    [1000 + 3600, false],
  ] as const) {
    vi.setSystemTime((AT + seconds) * 1000)
    const proof = await prove({ claims: { nonce: first, iat: AT + seconds } })
    const target = { header: proof, method: 'POST', url: URL_ }
    const verdict = await verifyProof(elsewhere, target).catch(({ failure }) => failure.reason)
    expect(verdict).toEqual(isGood ? expect.objectContaining({ jti: 'j' }) : 'dpop_nonce')
  }
})

it('an error of the broker itself is not answered as an invalid proof', async () => {
  const proof = await prove()
  vi.spyOn(crypto.subtle, 'digest').mockRejectedValue(new RangeError('boom'))
  await expect(verify(proof)).rejects.toThrow('boom')
  vi.mocked(crypto.subtle.digest).mockRejectedValue(new DOMException('no', 'OperationError'))
  expect(await verify(proof)).toBe('invalid_dpop_proof dpop_signature')
  vi.mocked(crypto.subtle.digest).mockRejectedValue(new TypeError('no'))
  expect(await verify(proof)).toBe('invalid_dpop_proof dpop_signature')
})
