/** This file is the provider: where its endpoints are and what it can, by its discovery document. */

import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/urls.ts'
import { BrokerError } from '../errors.ts'
import { cached } from '../net/document-cache.ts'
import { unexpectedAnswer } from './failure.ts'
import { readJson, send } from './request.ts'

/** What the broker uses of a discovery document; OpenID Connect Discovery 1.0 §3. */
export interface Provider {
  /** As the provider spells it. */
  issuer: string
  /** Endpoints, without those that are missing or no https; http is for a provider on this machine. */
  endpoints: ReadonlyMap<string, string>
  /** Whether the client authenticates in the form, as Google has it, or by HTTP Basic; RFC 6749 §2.3.1. */
  takes_secret_in_form: boolean
  /** Whether every authorization response carries `iss`; RFC 9207 §3. */
  always_sends_iss: boolean
  /** Whether `offline_access` is asked for where Google has `access_type`; OpenID Connect Core §11. */
  offers_offline_access: boolean
  /** Asymmetric ones only: the client secret signs nothing that is believed. */
  id_token_signing_algs: readonly string[]
}

/**
 * Finds the provider's endpoints by its discovery document.
 *
 * @throws {BrokerError} `temporarily_unavailable`
 * @see OpenID Connect Discovery 1.0 §4
 */
export const discover: (config: Config) => Promise<Provider> = cached(fetchProvider)

async function fetchProvider(config: Config): Promise<Provider> {
  const url = wellKnown(config, 'openid-configuration')
  const document = await readJson(await send(url).catch(mayPass))
  const { issuer } = document
  if (!isIssuer(config, issuer)) throw unexpectedAnswer()
  const texts = (name: string): string[] =>
    [document[name]].flat().filter((one) => typeof one === 'string')
  const endpoints = Object.entries(document).filter(
    (entry): entry is [string, string] =>
      typeof entry[1] === 'string' && isUsable(entry[1], config),
  )
  const algs = texts('id_token_signing_alg_values_supported')
  return {
    issuer,
    endpoints: new Map(endpoints),
    takes_secret_in_form: texts('token_endpoint_auth_methods_supported').includes(
      'client_secret_post',
    ),
    always_sends_iss: document['authorization_response_iss_parameter_supported'] === true,
    offers_offline_access: texts('scopes_supported').includes('offline_access'),
    id_token_signing_algs: (algs.length > 0 ? algs : ['RS256']).filter(
      (alg) => !alg.startsWith('HS'),
    ),
  }
}

/** Where the provider tells of itself; OpenID Connect Discovery 1.0 §4. */
export function wellKnown({ issuer }: Config, name: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/${name}`
}

/** Whether a name is the provider's, with a slash at its end or without. */
export function isIssuer(config: Config, name: unknown): name is string {
  return typeof name === 'string' && URL.parse(name)?.href === new URL(config.issuer).href
}

/** Whatever stands in the place of the document is no word on the client or on any grant (TMB-22). */
function mayPass(error: unknown): never {
  const isOut = error instanceof BrokerError && error.failure.code === 'temporarily_unavailable'
  throw isOut ? error : unexpectedAnswer(error)
}

function isUsable(endpoint: string, config: Config): boolean {
  const url = URL.parse(endpoint)
  const mayBeHttp = isLoopback(new URL(config.issuer))
  return url?.protocol === 'https:' || (mayBeHttp && url?.protocol === 'http:')
}
