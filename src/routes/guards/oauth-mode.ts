/** The guard of OAuth mode: a token of the broker with its DPoP proof, or the JWT of an app's user. */

import { now } from '../../clock.ts'
import type { Client } from '../../config/clients.ts'
import { BrokerError } from '../../errors.ts'
import { type AppUser, verifyAppJwt } from '../../session/app-user.ts'
import { readCookies, SESSION_COOKIE_PREFIX } from '../../session/cookies.ts'
import { newNonce, type Proof, verifyProof } from '../../session/dpop.ts'
import type { Session } from '../../session/session-cookie.ts'
import { openToken } from '../../session/tokens.ts'
import type { Credential } from '../../subject/credential.ts'
import { type BrokerContext, setAuditFields } from '../http/context.ts'
import { type Parameters, readForm } from '../http/read-request.ts'
import { requireOAuthOrigin } from './cors.ts'
import { authorizeUrl } from './lookup.ts'
import type { Principal } from './principal.ts'

/** An authentication scheme. */
type Scheme = 'DPoP' | 'Bearer'

/**
 * Authenticates a request: `Authorization: DPoP` with a token of the broker or with a JWT bound to the same key,
 * `Authorization: Bearer` with a JWT that is not bound.
 *
 * @throws {BrokerError} login_required or a DPoP error, with the challenge of RFC 9449 §7.1 or RFC 6750 §3;
 *   access_denied: the origin is not the client's; invalid_request: there is a session cookie as well
 */
export async function authenticateToken(c: BrokerContext): Promise<Principal> {
  requireOAuthOrigin(c)
  const { names } = readCookies(c.get('config'), c.req.header('Cookie'))
  if (names.some((name) => name.startsWith(SESSION_COOKIE_PREFIX)))
    throw new BrokerError('two_credentials') // TMB-39
  const { scheme, token } = readAuthorization(c)
  const work = scheme === 'DPoP' ? dpopPrincipal(c, token) : bearerPrincipal(c, token)
  const principal = await withChallenge(c, scheme, work)
  requireOAuthOrigin(c, principal.client)
  return principal
}

/**
 * Authenticates an app's user by the JWT in the `Authorization` header, with a proof if it is bound (TMB-51).
 *
 * @throws {BrokerError} as `authenticateToken`
 */
export async function authenticateAppUser(c: BrokerContext): Promise<AppUser> {
  const { scheme, token } = readAuthorization(c)
  const user = await withChallenge(c, 'Bearer', verifyUser(c, scheme, token))
  requireOAuthOrigin(c, user.client)
  return user
}

/** Makes the principal of an app's user. */
export function appUserPrincipal(c: BrokerContext, user: AppUser, proof?: Proof): Principal {
  return toPrincipal(c, user.client, user, { kind: 'app_user', proof })
}

/** Makes the principal of a session at the token endpoint, where an ended session is `invalid_grant`; RFC 6749 §5.2. */
export function sessionPrincipal(
  c: BrokerContext,
  client: Client,
  session: Pick<Session, 'id' | 'sub' | 'subject'>,
  proof?: Proof,
): Principal {
  const credential: Credential = { kind: 'session', id: session.id, proof }
  return toPrincipal(c, client, session, credential, (error) => {
    const isEnded = error.failure.code === 'login_required'
    return isEnded ? new BrokerError('refresh_token_ended') : error
  })
}

/**
 * Verifies the DPoP proof of a request. The answer carries the nonce for the next proof.
 *
 * @param access_token the token that the proof must name, in a request with one
 * @throws {BrokerError} invalid_dpop_proof, use_dpop_nonce
 * @see RFC 9449 §4.3, §8
 */
export async function requireProof(c: BrokerContext, access_token?: string): Promise<Proof> {
  const config = c.get('config')
  const { origin, pathname } = new URL(c.req.url)
  c.header('DPoP-Nonce', await newNonce(config))
  c.header('Date', new Date(now() * 1000).toUTCString()) // for browsers whose clock is wrong
  return verifyProof(config, {
    header: c.req.header('DPoP'),
    method: c.req.method,
    url: origin.replace(/^https?:/, new URL(config.base_url).protocol) + pathname,
    access_token,
  })
}

/**
 * Reads the form of a token request. A client can also name itself by HTTP Basic, with an empty password.
 *
 * @throws {BrokerError} invalid_request: the form, or the header, is malformed
 * @see RFC 6749 §2.3.1
 */
export async function readClientForm(c: BrokerContext): Promise<Parameters> {
  const form = await readForm(c)
  const [, basic] = /^Basic +(\S*)$/i.exec(c.req.header('Authorization') ?? '') ?? []
  if (basic === undefined) return form
  const [, client_id] = /^([A-Za-z0-9._-]+):$/.exec(decodeBasic(basic)) ?? []
  if (client_id === undefined) throw new BrokerError('basic_shape')
  requireClient({ id: client_id }, form.get('client_id'))
  return new Map([...form, ['client_id', client_id]])
}

function decodeBasic(text: string): string {
  try {
    return decodeURIComponent(atob(text))
  } catch {
    return ''
  }
}

/**
 * Requires that a credential belongs to the client that a request names, if it names one.
 *
 * @throws {BrokerError} invalid_grant
 */
export function requireClient(client: Pick<Client, 'id'>, client_id: string | undefined): void {
  if (client_id !== undefined && client_id !== client.id) throw new BrokerError('other_client')
}

function toPrincipal(
  c: BrokerContext,
  client: Client,
  { sub, subject }: Pick<Session, 'sub' | 'subject'>,
  credential: Credential,
  toClientError: Principal['toClientError'] = (error) => error,
): Principal {
  setAuditFields(c, { subject, client: client.id })
  const connectUrl = (bundle: string) => authorizeUrl(c.get('config'), client, bundle)
  return { client, sub, subject, credential, connectUrl, toClientError }
}

async function verifyUser(c: BrokerContext, scheme: Scheme, jwt: string): Promise<AppUser> {
  if (scheme === 'DPoP' && !isJws(jwt)) throw new BrokerError('jwt_missing')
  const user = await verifyAppJwt(c.get('config'), jwt)
  if (user.jkt !== undefined && user.jkt !== (await requireProof(c, jwt)).jkt)
    throw new BrokerError('jwt_bound_to_another_key')
  return user
}

/** A JWT that is bound to a key is no bearer token; RFC 9449 §7.2. */
async function bearerPrincipal(c: BrokerContext, jwt: string): Promise<Principal> {
  const user = await verifyAppJwt(c.get('config'), jwt)
  if (user.jkt !== undefined) throw new BrokerError('jwt_bound')
  return appUserPrincipal(c, user)
}

async function dpopPrincipal(c: BrokerContext, token: string): Promise<Principal> {
  const config = c.get('config')
  const proof = await requireProof(c, token)
  let principal: Principal
  if (isJws(token)) {
    const user = await verifyAppJwt(config, token)
    if (user.jkt !== proof.jkt) throw new BrokerError('jwt_bound_to_another_key')
    principal = appUserPrincipal(c, user, proof)
  } else {
    const session = await openToken(config, 'access', token)
    const client = session && config.clients.get(session.client)
    if (!session || !client || session.jkt !== proof.jkt) throw new BrokerError('token_invalid')
    principal = sessionPrincipal(c, client, session, proof)
  }
  return { ...principal, toClientError: (error) => toChallenge(c, 'DPoP', error) }
}

/** Reads the `Authorization` header; RFC 9110 §11.6.2. */
function readAuthorization(c: BrokerContext): { scheme: Scheme; token: string } {
  const [, scheme = '', token = ''] =
    /^(DPoP|Bearer) +([\w.~+/-]+=*)$/i.exec(c.req.header('Authorization') ?? '') ?? []
  if (token === '') {
    c.header('WWW-Authenticate', 'DPoP algs="ES256"') // no error code without a token; RFC 6750 §3.1
    throw new BrokerError('no_token')
  }
  return { scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', token }
}

/** A JWS has three parts; a token of the broker has two. */
function isJws(token: string): boolean {
  return token.split('.').length === 3
}

async function withChallenge<T>(c: BrokerContext, scheme: Scheme, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw error instanceof BrokerError ? toChallenge(c, scheme, error) : error
  }
}

/** Adds `WWW-Authenticate` and the status 401 to an error about the token or its proof. */
function toChallenge(c: BrokerContext, scheme: Scheme, error: BrokerError): BrokerError {
  const { failure, cause } = error
  const { code } = failure
  if (!['login_required', 'invalid_dpop_proof', 'use_dpop_nonce'].includes(code)) return error
  const challenged = code === 'login_required' ? 'invalid_token' : code
  const algorithms = scheme === 'DPoP' ? ', algs="ES256"' : ''
  c.header('WWW-Authenticate', `${scheme} error="${challenged}"${algorithms}`)
  return new BrokerError(failure.reason, { ...failure, status: 401, cause })
}
