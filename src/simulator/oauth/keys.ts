/** This file is the key that ID tokens are signed with: made once, kept in the World, its public half at the JWKS endpoint. */

import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import type { Simulation } from '../simulation.ts'

/** Finds the private key of this Google, or makes it. */
export async function signingKey({ world }: Simulation): Promise<JWK> {
  if (world.signing_key) return world.signing_key
  const made = await makeKey()
  // Two requests may have waited for a key of their own; the first one made is everybody's.
  world.signing_key ??= made
  return world.signing_key
}

/** Makes an RSA key pair, as its private JWK. */
export async function makeKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const jwk = await exportJWK(privateKey)
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: 'RS256', use: 'sig' }
}

/** Lists the public keys, as RFC 7517 §5 has it. */
export async function publicKeys(simulation: Simulation): Promise<{ keys: JWK[] }> {
  const { kty, n, e, kid, alg, use } = await signingKey(simulation)
  return { keys: [{ kty, n, e, kid, alg, use } as JWK] }
}
