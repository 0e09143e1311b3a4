/** The key that signs ID tokens: made once, stored in the World, published at the JWKS endpoint. */

import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import type { Simulation } from '../simulation.ts'

/** Finds the private key, or makes it. */
export async function signingKey({ world }: Simulation): Promise<JWK> {
  if (world.signing_key) return world.signing_key
  const made = await makeKey()
  // Two concurrent requests may both have made a key: the first one stays.
  world.signing_key ??= made
  return world.signing_key
}

/** Makes an RSA key pair, as a private JWK. */
export async function makeKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const jwk = await exportJWK(privateKey)
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: 'RS256', use: 'sig' }
}

/** Makes the public key set; RFC 7517 §5. */
export async function publicKeys(simulation: Simulation): Promise<{ keys: JWK[] }> {
  const { kty, n, e, kid, alg, use } = await signingKey(simulation)
  return { keys: [{ kty, n, e, kid, alg, use } as JWK] }
}
