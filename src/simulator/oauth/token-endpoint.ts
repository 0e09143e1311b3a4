/** The token endpoint: exchanges a code or a refresh token for tokens. */

import type { Context } from 'hono'
import { readForm } from '../endpoints.ts'
import type { SimulatorEnv } from '../faults/middleware.ts'
import { parseScope } from '../google-scopes.ts'
import type { Simulation } from '../simulation.ts'
import { authenticateClient } from './client.ts'
import { redeemCode } from './code.ts'
import { findRefreshToken, issueAccessToken, issueRefreshToken } from './consents.ts'
import { oauthAnswer, oauthError } from './error.ts'
import { createIdToken } from './id-token.ts'

/** Answers a token request; RFC 6749 §4.1.3 and §6. */
export async function token(simulation: Simulation, c: Context<SimulatorEnv>): Promise<Response> {
  const form = await readForm(c)
  const repeated = [...form.keys()].find((name) => form.getAll(name).length > 1)
  if (repeated !== undefined)
    throw oauthError('invalid_request', `Parameter ${repeated} is repeated.`)
  const { client_id } = authenticateClient(simulation, c, form)
  const grant_type = form.get('grant_type')
  switch (grant_type) {
    case 'authorization_code':
      return exchange(simulation, c, form, client_id)
    case 'refresh_token':
      return refresh(simulation, c, form, client_id)
    case null:
      throw oauthError('invalid_request', 'Required parameter is missing: grant_type')
    default:
      throw oauthError('unsupported_grant_type', `Invalid grant_type: ${grant_type}`)
  }
}

async function exchange(
  simulation: Simulation,
  c: Context<SimulatorEnv>,
  form: URLSearchParams,
  client_id: string,
): Promise<Response> {
  const { lasts_seconds } = c.var.effects
  const { name, code } = await redeemCode(simulation, form, client_id)
  if (lasts_seconds !== undefined) code.access_expires_at = simulation.now() + lasts_seconds
  code.scopes = changeScopes(code.scopes, c)
  const { sub, scopes, nonce, access_expires_at: expires_at } = code
  const granted = { client_id, sub, scopes, expires_at }
  const refresh_token = code.offline ? issueRefreshToken(simulation, name, granted) : undefined
  return issueTokens(simulation, c, { ...granted, code: name, nonce, refresh_token })
}

async function refresh(
  simulation: Simulation,
  c: Context<SimulatorEnv>,
  form: URLSearchParams,
  client_id: string,
): Promise<Response> {
  const { rotate, lasts_seconds } = c.var.effects
  const name = form.get('refresh_token') ?? ''
  if (name === '')
    throw oauthError('invalid_request', 'Required parameter is missing: refresh_token')
  const found = findRefreshToken(simulation, name)
  if (!found) throw oauthError('invalid_grant', 'Token has been expired or revoked.')
  if (found.client_id !== client_id) throw oauthError('unauthorized_client', 'Unauthorized')
  const asked = parseScope(form.get('scope') ?? found.scopes.join(' '))
  if (!asked.every((scope) => found.scopes.includes(scope)))
    throw oauthError('invalid_scope', 'Some requested scopes were not granted.')
  found.used_at = simulation.now()
  if (lasts_seconds !== undefined) found.expires_at = found.used_at + lasts_seconds
  const { sub, code, expires_at } = found
  return issueTokens(simulation, c, {
    client_id,
    sub,
    scopes: changeScopes(asked, c),
    code,
    expires_at,
    refresh_token: rotate ? rotateRefreshToken(simulation, name) : undefined,
  })
}

interface Issuance {
  client_id: string
  sub: string
  scopes: string[]
  code: string
  nonce?: string | undefined
  refresh_token: string | undefined
  /** When time-limited access ends. */
  expires_at: number | undefined
}

async function issueTokens(
  simulation: Simulation,
  c: Context<SimulatorEnv>,
  { nonce, refresh_token, expires_at, ...token }: Issuance,
): Promise<Response> {
  const { access_token, expires_in } = issueAccessToken(simulation, token, expires_at)
  const { client_id, sub, scopes } = token
  const account = simulation.world.accounts.find((known) => known.sub === sub)
  const id_token =
    account && scopes.includes('openid')
      ? await createIdToken(
          simulation,
          { client_id, account, scopes, access_token, nonce },
          c.var.effects.id_token,
        )
      : undefined
  return oauthAnswer({
    access_token,
    expires_in,
    refresh_token,
    refresh_token_expires_in:
      expires_at === undefined ? undefined : Math.round(expires_at - simulation.now()),
    scope: scopes.join(' '),
    token_type: 'Bearer',
    id_token,
  })
}

function changeScopes(scopes: readonly string[], c: Context<SimulatorEnv>): string[] {
  const { add = [], drop = [] } = c.var.effects.scope ?? {}
  const dropped = parseScope(drop.join(' '))
  return parseScope([...scopes, ...add].join(' ')).filter((scope) => !dropped.includes(scope))
}

/** Replaces a refresh token. Google never does, other providers do (RFC 9700 §4.14.2). */
function rotateRefreshToken(simulation: Simulation, name: string): string | undefined {
  const { refresh_tokens } = simulation.world
  const old = refresh_tokens[name]
  if (!old) return undefined
  delete refresh_tokens[name]
  return issueRefreshToken(simulation, old.code, old)
}
