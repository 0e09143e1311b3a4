/** This file is the guard of the OAuth-mode calls: a DPoP-bound token with its proof, or the JWT of an app's user. */

import { now } from '../../clock.ts'
import type { Client } from '../../config/clients.ts'
import { BrokerError } from '../../errors.ts'
import { type AppUser, verifyAppJwt } from '../../session/app-user.ts'
import { readCookies, SESSION_COOKIE_PREFIX } from '../../session/cookies.ts'
import { newNonce, type Proof, verifyProof } from '../../session/dpop.ts'
import type { Session } from '../../session/session-cookie.ts'
import { openToken } from '../../session/tokens.ts'
import { type BrokerContext, setAuditFields } from '../http/context.ts'
import { requireOAuthOrigin } from './cors.ts'
import { authorizeUrl } from './lookup.ts'
import type { Principal } from './principal.ts'

/**
 * Lets in whoever shows a token: `Authorization: DPoP` with the broker's own or a JWT bound to that key,
 * `Authorization: Bearer` with any other JWT of an app.
 *
 * @throws {BrokerError} `login_required` or a DPoP error, with the challenge of RFC 9449 §7.1 or RFC 6750 §3;
 *   `access_denied` from an origin that is not the client's; `invalid_request` with a session cookie as well
 */
export async function authenticateToken(c: BrokerContext): Promise<Principal> {
  requireOAuthOrigin(c)
  const { names } = readCookies(c.req.header('Cookie'))
  if (names.some((name) => name.startsWith(SESSION_COOKIE_PREFIX)))
    throw new BrokerError('invalid_request', 'two_credentials') // TMB-39
  const { scheme, token } = readAuthorization(c)
  const principal =
    scheme === 'dpop' ? await principalByProof(c, token) : await principalByJwt(c, token)
  requireOAuthOrigin(c, principal.client)
  return principal
}

/** The user of the app's JWT in the `Authorization` header, from an origin of its client. */
export async function authenticateAppUser(c: BrokerContext): Promise<AppUser> {
  const { scheme, token } = readAuthorization(c)
  if (scheme === 'dpop' && !isJws(token))
    throw withChallenge(c, 'Bearer', invalidToken('no_app_jwt'))
  const user = await appUser(c, token)
  requireOAuthOrigin(c, user.client)
  return user
}

/** An app's user as a caller. */
export function appUserPrincipal(
  c: BrokerContext,
  { client, sub, subject }: AppUser,
  proof?: Proof,
): Principal {
  setAuditFields(c, { subject, client: client.id })
  return {
    client,
    sub,
    subject,
    credential: { kind: 'app_user', ...(proof ? { proof } : {}) },
    connectUrl: (bundle) => authorizeUrl(c.get('config'), client, bundle),
    toClientError: (refusal) => refusal,
  }
}

/** A browser's session at the token endpoint as a caller; RFC 6749 §5.2 has the word for one that ended. */
export function sessionPrincipal(
  c: BrokerContext,
  client: Client,
  { id, sub, subject }: Pick<Session, 'id' | 'sub' | 'subject'>,
  proof?: Proof,
): Principal {
  setAuditFields(c, { subject, client: client.id })
  return {
    client,
    sub,
    subject,
    credential: { kind: 'session', id, ...(proof ? { proof } : {}) },
    connectUrl: (bundle) => authorizeUrl(c.get('config'), client, bundle),
    toClientError: (refusal) =>
      refusal.failure.code === 'login_required'
        ? new BrokerError('invalid_grant', 'session_ended')
        : refusal,
  }
}

/**
 * Checks the DPoP proof of a request, and gives the answer the nonce for the next one.
 *
 * @throws {BrokerError} `invalid_dpop_proof` or `use_dpop_nonce`
 */
export async function requireProof(c: BrokerContext, access_token?: string): Promise<Proof> {
  const config = c.get('config')
  const { origin, pathname } = new URL(c.req.url)
  c.header('DPoP-Nonce', await newNonce(config))
  c.header('Date', new Date(now() * 1000).toUTCString()) // for browsers whose clock is off
  return verifyProof(config, {
    header: c.req.header('DPoP'),
    method: c.req.method,
    url: origin.replace(/^https?:/, new URL(config.base_url).protocol) + pathname,
    ...(access_token === undefined ? {} : { access_token }),
  })
}

/** A JWT bound to a key authenticates only with a proof of it (TMB-51). */
async function appUser(c: BrokerContext, jwt: string): Promise<AppUser> {
  try {
    const user = await verifyAppJwt(c.get('config'), jwt)
    if (user.jkt !== undefined && user.jkt !== (await requireProof(c, jwt)).jkt)
      throw invalidToken('app_jwt_bound_to_another_key')
    return user
  } catch (error) {
    throw withChallenge(c, 'Bearer', error)
  }
}

/** `Authorization: Bearer`: an app's JWT, unless it is bound to a key; RFC 9449 §7.2. */
async function principalByJwt(c: BrokerContext, jwt: string): Promise<Principal> {
  try {
    const user = await verifyAppJwt(c.get('config'), jwt)
    if (user.jkt !== undefined) throw invalidToken('app_jwt_bound_to_a_key')
    return appUserPrincipal(c, user)
  } catch (error) {
    throw withChallenge(c, 'Bearer', error)
  }
}

/** `Authorization: DPoP`: the broker's own token, or an app's JWT that is bound to the key. */
async function principalByProof(c: BrokerContext, token: string): Promise<Principal> {
  const config = c.get('config')
  try {
    const proof = await requireProof(c, token)
    if (isJws(token)) {
      const user = await verifyAppJwt(config, token)
      if (user.jkt !== proof.jkt) throw invalidToken('app_jwt_bound_to_another_key')
      return {
        ...appUserPrincipal(c, user, proof),
        toClientError: (refusal) => withChallenge(c, 'DPoP', refusal),
      }
    }
    const session = await openToken(config, 'access', token)
    const client = session && config.clients.get(session.client)
    if (!session || !client || session.jkt !== proof.jkt) throw invalidToken('token_invalid')
    return {
      ...sessionPrincipal(c, client, session, proof),
      toClientError: (refusal) => withChallenge(c, 'DPoP', refusal),
    }
  } catch (error) {
    throw withChallenge(c, 'DPoP', error)
  }
}

/** Reads `Authorization`; RFC 9110 §11.6.2. */
function readAuthorization(c: BrokerContext): { scheme: 'dpop' | 'bearer'; token: string } {
  const [, scheme = '', token = ''] =
    /^(DPoP|Bearer) +([\w.~+/-]+=*)$/i.exec(c.req.header('Authorization') ?? '') ?? []
  if (token === '') {
    c.header('WWW-Authenticate', 'DPoP algs="ES256"') // without an error, when nothing was shown; RFC 6750 §3.1
    throw new BrokerError('login_required', 'no_token')
  }
  return { scheme: scheme.toLowerCase() as 'dpop' | 'bearer', token }
}

/** A JWS has three parts; the broker's own tokens are JWEs, of five. */
function isJws(token: string): boolean {
  return token.split('.').length === 3
}

/** Adds the challenge that tells a client of a protected resource what to show; the status becomes 401. */
function withChallenge(c: BrokerContext, scheme: 'DPoP' | 'Bearer', error: unknown): BrokerError {
  if (!(error instanceof BrokerError)) throw error
  const { code, reason, ...more } = error.failure
  const isAbout = ['login_required', 'invalid_dpop_proof', 'use_dpop_nonce'].includes(code)
  if (!isAbout) return error
  const told = code === 'login_required' ? 'invalid_token' : code
  const algorithms = scheme === 'DPoP' ? ', algs="ES256"' : ''
  c.header('WWW-Authenticate', `${scheme} error="${told}"${algorithms}`)
  return new BrokerError(code, reason, { ...more, status: 401, cause: error.cause })
}

function invalidToken(reason: string): BrokerError {
  return new BrokerError('login_required', reason)
}

/** Refuses a client that is not the one a credential was issued to. */
export function requireClient(client: Client, client_id: string | undefined): void {
  if (client_id !== undefined && client_id !== client.id)
    throw new BrokerError('invalid_grant', 'other_client')
}
