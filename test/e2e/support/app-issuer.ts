/** The issuer of an app's users on loopback: a JWKS over HTTP, and JWTs signed with an RSA or an EC key. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

type Algorithm = 'RS256' | 'ES256'

/** The issuer, running. */
export interface RunningIssuer {
  /** Members for an entry of `CLIENTS`. */
  settings: { issuer: string; audience: string; jwks_uri: string }
  /** Issues the JWT of a user. */
  jwt(sub: string, alg: Algorithm): Promise<string>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts the issuer. */
export async function startIssuer(): Promise<RunningIssuer> {
  const keys = { RS256: await generateKeyPair('RS256'), ES256: await generateKeyPair('ES256') }
  const jwks = await Promise.all(
    Object.entries(keys).map(async ([alg, { publicKey }]) => ({
      ...(await exportJWK(publicKey)),
      ...{ kid: alg, alg, use: 'sig' },
    })),
  )
  const server = createServer((_, response) => {
    response.setHeader('Content-Type', 'application/jwk-set+json')
    response.end(JSON.stringify({ keys: jwks }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const audience = 'https://album.example/photos'
  return {
    settings: { issuer, audience, jwks_uri: `${issuer}/jwks` },
    jwt: (sub, alg) =>
      new SignJWT({ sub })
        .setProtectedHeader({ alg, kid: alg, typ: 'at+jwt' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(keys[alg].privateKey),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
