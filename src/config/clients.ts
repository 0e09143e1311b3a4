/** This file is the clients: the frontends of the configuration, with their origins, their bundles and their way in. */

import {
  array,
  type InferOutput,
  minLength,
  nonEmpty,
  optional,
  picklist,
  pipe,
  record,
  regex,
  safeParse,
  strictObject,
  string,
} from 'valibot'
import { isIssuer, isOrigin, isPublicUrl } from './urls.ts'

/** A frontend that may ask for tokens. */
export interface Client {
  readonly id: string
  /** Exact origins; RFC 6454 §6.2. */
  readonly origins: ReadonlySet<string>
  /** Names of the bundles it may have. */
  readonly bundles: ReadonlySet<string>
  /** OAuth mode only: where its users come back to, compared as text; RFC 9700 §2.1. */
  readonly redirect_uris?: ReadonlySet<string>
  /** OAuth mode only: who signs its users in, where that is not left to Google. */
  readonly app_issuer?: AppIssuer
}

/** Whoever issues the JWTs of a client's users. */
export interface AppIssuer {
  /** Exactly as in `iss`; RFC 7519 §4.1.1. */
  readonly issuer: string
  /** What `aud` has to hold: the broker's name at that issuer; RFC 7519 §4.1.3. */
  readonly audience: string
  /** Where its keys are; RFC 7517 §5. */
  readonly jwks_uri: string
  /** What it signs with; nothing else is tried (TMB-40). */
  readonly algorithms: readonly string[]
}

/** How a client proves who asks: by our cookie, or by a token that its scripts send (TMB-39). */
export type ClientMode = 'cookie' | 'oauth'

/** What a table of clients says, and every problem of it: sentences that name the place and never a value. */
interface ParsedClients {
  readonly clients: ReadonlyMap<string, Client>
  readonly problems: readonly string[]
}

/** The client of a configuration without `CLIENTS`. */
const DEFAULT_CLIENT_ID = 'default'

const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA', 'PS256', 'PS384', 'PS512']
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512']

/** What issuers of users' JWTs sign with as a rule. */
const DEFAULT_ALGORITHMS = ['ES256', 'RS256']

const TEXT = pipe(string(), nonEmpty())
const CLIENT = strictObject({
  origins: pipe(array(TEXT), minLength(1)),
  bundles: optional(pipe(array(string()), minLength(1))),
  redirect_uris: optional(pipe(array(TEXT), minLength(1))),
  issuer: optional(TEXT),
  audience: optional(TEXT),
  jwks_uri: optional(TEXT),
  algorithms: optional(
    pipe(array(picklist([...ALGORITHMS, ...RSA_ALGORITHMS])), minLength(1)),
    DEFAULT_ALGORITHMS,
  ),
})
const CLIENTS = record(pipe(string(), regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)), CLIENT)
type Entry = InferOutput<typeof CLIENT>

/** Longer redirect URIs would not fit into the cookie that carries them. */
const MAX_REDIRECT_URI_LENGTH = 512

/** In which of the two ways a client talks to the broker; design.md §3. */
export function modeOf(client: Client): ClientMode {
  return client.redirect_uris || client.app_issuer ? 'oauth' : 'cookie'
}

/**
 * Reads `CLIENTS`: a table, or its JSON; left out: one client, on the broker's own origin, with all bundles.
 *
 * @param brokerOrigin origin of `BASE_URL`, if that could be read
 */
export function parseClients(
  table: unknown,
  brokerOrigin: string | undefined,
  bundleNames: readonly string[],
): ParsedClients {
  if (table === undefined || table === '') {
    const client = {
      id: DEFAULT_CLIENT_ID,
      origins: new Set(brokerOrigin === undefined ? [] : [brokerOrigin]),
      bundles: new Set(bundleNames),
    }
    return { clients: new Map([[client.id, client]]), problems: [] }
  }
  const given = typeof table === 'string' ? fromJson(table) : table
  const parsed = safeParse(CLIENTS, given)
  if (!parsed.success || Array.isArray(given)) {
    const places = parsed.success ? [''] : parsed.issues.map((issue) => placeOf(issue.path))
    return { clients: new Map(), problems: [...new Set(places)].map(wrongShape) }
  }
  const entries = Object.entries(parsed.output)
  const clients = entries.map(([id, entry]) => toClient(id, entry, bundleNames))
  const problems = [
    ...entries.flatMap(([id, entry]) => problemsOf(`CLIENTS.${id}`, entry, bundleNames)),
    ...problemsAmong(clients),
  ]
  if (clients.length < Object.keys(given as object).length)
    problems.push('CLIENTS: an id is a word that JavaScript keeps for itself. Write another id.')
  else if (clients.length === 0)
    problems.push('CLIENTS: is empty. Name at least one client, or leave CLIENTS out.')
  return { clients: new Map(clients.map((client) => [client.id, client])), problems }
}

function toClient(id: string, entry: Entry, bundleNames: readonly string[]): Client {
  const { origins, bundles, redirect_uris, issuer, audience, jwks_uri, algorithms } = entry
  return {
    id,
    origins: new Set(origins),
    bundles: new Set(bundles ?? bundleNames),
    ...(redirect_uris ? { redirect_uris: new Set(redirect_uris) } : {}),
    ...(issuer && audience && jwks_uri
      ? { app_issuer: { issuer, audience, jwks_uri, algorithms } }
      : {}),
  }
}

/** What is wrong with one client by itself. */
function problemsOf(place: string, entry: Entry, bundleNames: readonly string[]): string[] {
  const { origins, bundles = [], redirect_uris = [], issuer, audience, jwks_uri } = entry
  const problems: string[] = []
  const fault = (member: string, problem: string): unknown =>
    problems.push(`${place}.${member}: ${problem}`)
  for (const [index, origin] of origins.entries()) {
    if (!isOrigin(origin))
      fault(
        `origins[${index}]`,
        'is not an exact https origin. Write scheme, host and port only, in lower case, without a path or a wildcard: "https://app.example.com".',
      )
  }
  for (const [index, name] of bundles.entries()) {
    if (!bundleNames.includes(name))
      fault(
        `bundles[${index}]`,
        `there is no such bundle in BUNDLES. Write one of: ${bundleNames.join(', ')}.`,
      )
  }
  for (const [index, uri] of redirect_uris.entries()) {
    if (!isPublicUrl(uri) || uri.length > MAX_REDIRECT_URI_LENGTH)
      fault(
        `redirect_uris[${index}]`,
        `is not an exact https URL of at most ${MAX_REDIRECT_URI_LENGTH} characters. Write it in full, as your page sends it, without a fragment or a wildcard: "https://app.example.com/back".`,
      )
    else if (!origins.includes(new URL(uri).origin))
      fault(
        `redirect_uris[${index}]`,
        'its origin is not among origins, so its page could not redeem the code. Write it there too.',
      )
  }
  if (!issuer && !audience && !jwks_uri) return problems
  if (!issuer || !isIssuer(issuer))
    fault('issuer', 'is not an issuer. Write the "iss" of your users\' JWTs, an https URL.')
  if (!audience)
    fault('audience', 'is missing. Write the "aud" of the JWTs that are meant for this broker.')
  if (!jwks_uri || !isPublicUrl(jwks_uri))
    fault(
      'jwks_uri',
      'is not an https URL. Write the "jwks_uri" of the issuer\'s discovery document.',
    )
  if (redirect_uris.length === 0)
    fault('redirect_uris', 'is missing. Without it no user of that issuer can consent.')
  return problems
}

/** What is wrong with clients beside each other. */
function problemsAmong(clients: readonly Client[]): string[] {
  return clients.flatMap((client, index) => {
    const place = `CLIENTS.${client.id}`
    const others = clients.slice(0, index)
    const isSameId = others.some(({ id }) => id.toLowerCase() === client.id.toLowerCase())
    const isSameIssuer = others.some(
      ({ app_issuer }) =>
        app_issuer?.issuer === client.app_issuer?.issuer &&
        app_issuer?.audience === client.app_issuer?.audience &&
        app_issuer !== undefined,
    )
    const isBothModes = others.some(
      (other) => modeOf(other) !== modeOf(client) && !client.origins.isDisjointFrom(other.origins),
    )
    return [
      ...(isSameId
        ? [`${place}: there is another client whose id differs in case only. Write another id.`]
        : []),
      ...(isSameIssuer
        ? [
            `${place}.audience: another client has the same issuer and audience. Write an audience of its own.`,
          ]
        : []),
      ...(isBothModes
        ? [
            `${place}.origins: another client has one of them in the other mode. An origin uses the cookie or OAuth, not both.`,
          ]
        : []),
    ]
  })
}

function wrongShape(place: string): string {
  return `CLIENTS${place}: is not right. A client is [vars.CLIENTS.id] with origins = ["https://app.example.com"] and, as it needs them, bundles, redirect_uris, issuer, audience, jwks_uri and algorithms. See README, Configuration.`
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `.web.origins[0]`; a key that is no client id is left out, since it may be anything. */
function placeOf(path: readonly { key?: unknown }[] | undefined): string {
  let place = ''
  for (const { key } of path ?? []) {
    if (typeof key === 'number') place += `[${key}]`
    else if (typeof key === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(key)) place += `.${key}`
  }
  return place
}
