/** The authorization request (RFC 6749 §4.1.1): reads it, and refuses it where Google does. */

import { parseScope, whyRefused } from '../google-scopes.ts'
import type { Client, Simulation } from '../simulation.ts'

/** A request that may be answered at its `redirect_uri`. */
export interface AuthorizationRequest {
  client: Client
  redirect_uri: string
  scopes: string[]
  prompt: string[]
  access_type: string
  include_granted_scopes: boolean
  state?: string
  nonce?: string
  code_challenge?: string
  /** Email or `sub` of the account to offer first. */
  login_hint?: string
  /** Domain of the accounts to offer. */
  hd?: string
  /** The query it was read from. Forms contain it, and it is validated again. */
  query: string
}

/** Why a request is refused on a page of Google, and not at the redirect URI. */
export interface Refusal {
  error: string
  explanation: string
}

const PROMPTS = ['none', 'consent', 'select_account']

/** Reads an authorization request, or says why Google refuses it. */
export function readAuthorizationRequest(
  simulation: Simulation,
  query: URLSearchParams,
): AuthorizationRequest | Refusal {
  const repeated = [...query.keys()].find((name) => query.getAll(name).length > 1)
  if (repeated !== undefined) return invalid(`Parameter ${repeated} is repeated.`)
  const missing = ['client_id', 'redirect_uri', 'response_type', 'scope'].find(
    (name) => !query.get(name),
  )
  if (missing !== undefined) return invalid(`Required parameter is missing: ${missing}`)
  const parameter = (name: string): string => query.get(name) ?? ''

  const client = simulation.clients.find(({ client_id }) => client_id === parameter('client_id'))
  if (!client) return refusal('invalid_client', 'The OAuth client was not found.')
  const redirect_uri = parameter('redirect_uri')
  if (!client.redirect_uris.includes(redirect_uri))
    return refusal(
      'redirect_uri_mismatch',
      `${redirect_uri} is not one of the redirect URIs of this client: ${client.redirect_uris.join(', ')}`,
    )
  const scopes = parseScope(parameter('scope'))
  const refused = scopes.map(whyRefused).filter((why) => why !== undefined)
  if (refused.length > 0) return refusal('invalid_scope', refused.join(' '))
  const prompt = parameter('prompt').split(' ').filter(Boolean)
  const wrong = whyInvalid(parameter, prompt)
  if (wrong !== undefined) return invalid(wrong)

  return {
    client,
    redirect_uri,
    scopes,
    prompt,
    access_type: parameter('access_type') || 'online',
    include_granted_scopes: parameter('include_granted_scopes') === 'true',
    ...optional(query, 'state'),
    ...optional(query, 'nonce'),
    ...optional(query, 'code_challenge'),
    ...optional(query, 'login_hint'),
    ...optional(query, 'hd'),
    query: query.toString(),
  }
}

function whyInvalid(parameter: (name: string) => string, prompt: string[]): string | undefined {
  if (parameter('response_type') !== 'code') return 'Only response_type=code is supported.'
  if (!['', 'query'].includes(parameter('response_mode')))
    return 'Only response_mode=query is supported.'
  if (!['', 'online', 'offline'].includes(parameter('access_type')))
    return 'access_type must be online or offline.'
  if (!['', 'true', 'false'].includes(parameter('include_granted_scopes')))
    return 'include_granted_scopes must be true or false.'
  const unknown = prompt.find((value) => !PROMPTS.includes(value))
  if (unknown !== undefined) return `Invalid prompt: ${unknown}`
  if (prompt.includes('none') && prompt.length > 1) return 'prompt=none must be the only value.'
  const challenge = parameter('code_challenge')
  const method = parameter('code_challenge_method')
  if (challenge === '' && method === '') return undefined
  if (method !== 'S256') return 'code_challenge_method must be S256.'
  if (!/^[\w-]{43}$/.test(challenge)) return 'code_challenge is not a SHA-256 in base64url.'
  return undefined
}

function optional<Name extends string>(
  query: URLSearchParams,
  name: Name,
): { [K in Name]?: string } {
  const value = query.get(name)
  return value ? ({ [name]: value } as { [K in Name]?: string }) : {}
}

function invalid(explanation: string): Refusal {
  return refusal('invalid_request', explanation)
}

function refusal(error: string, explanation: string): Refusal {
  return { error, explanation }
}
