/** The clients: the frontends that may use the broker, read from `CLIENTS`. */

import * as v from 'valibot'
import { readTable, text } from './read.ts'
import {
  anyPortOf,
  isIssuer,
  isLoopback,
  isOrigin,
  isPublicUrl,
  toAnyPort,
  withPort,
} from './urls.ts'

/** A frontend that may ask for tokens. */
export interface Client {
  readonly id: string
  /** How users know it; shown on the approval page. */
  readonly name?: string
  /** Exact origins (RFC 6454 §6.2), or on loopback `http://localhost:*`. `hasOrigin` compares. */
  readonly origins: ReadonlySet<string>
  /** The exact origins of other clients, to which a `*` does not extend; left out where there is none. */
  readonly foreign_origins?: ReadonlySet<string>
  /** Names of the bundles it may have. */
  readonly bundles: ReadonlySet<string>
  /** OAuth mode only: its redirect URIs, or on loopback `http://localhost:*`. `hasRedirectUri` compares. */
  readonly redirect_uris?: ReadonlySet<string>
  /** OAuth mode only: who signs its users in, if not Google. */
  readonly app_issuer?: AppIssuer
}

/** The issuer of the JWTs of a client's users. */
export interface AppIssuer {
  /** Exactly as in `iss`; RFC 7519 §4.1.1. */
  readonly issuer: string
  /** What `aud` has to contain: the broker's name at that issuer; RFC 7519 §4.1.3. */
  readonly audience: string
  /** URL of its keys; RFC 7517 §5. */
  readonly jwks_uri: string
  /** Its signature algorithms; no other is accepted (TMB-40). */
  readonly algorithms: readonly string[]
}

/** How a client authenticates its users: with the broker's cookie, or with a token that its scripts send (TMB-39). */
export type ClientMode = 'cookie' | 'oauth'

const ALGORITHMS = 'ES256 ES384 ES512 Ed25519 EdDSA PS256 PS384 PS512 RS256 RS384 RS512'.split(' ')

/** What most issuers sign with. */
const DEFAULT_ALGORITHMS = ['ES256', 'RS256']

/** The longest redirect URI, in characters: a cookie has to hold it. */
const MAX_REDIRECT_URI_LENGTH = 512

const ORIGIN = text(
  (origin) => isOrigin(withPort(origin)),
  'is not an exact https origin. Write scheme, host and port only, in lower case, without a path or a wildcard: "https://app.example.com".',
)

const REDIRECT_URI = text(
  (uri) =>
    (anyPortOf(uri) === uri || isPublicUrl(withPort(uri))) && uri.length <= MAX_REDIRECT_URI_LENGTH,
  `is not an exact https URL of at most ${MAX_REDIRECT_URI_LENGTH} characters. Write it in full, as your page sends it, without a fragment or a wildcard: "https://app.example.com/back".`,
)

const ISSUER = text(
  isIssuer,
  'is not an issuer. Write the "iss" of your users\' JWTs, an https URL.',
)

const NAME = text(
  (name) => /^[^\p{C}\p{Zl}\p{Zp}]{1,60}$/u.test(name) && name.trim() === name,
  'is not a name of 1 to 60 printable characters. Write how users know your app: name = "Gallery".',
)

const JWKS_URI = text(
  isPublicUrl,
  'is not an https URL. Write the "jwks_uri" of the issuer\'s discovery document.',
)

/** The rule that the addresses of a public broker's clients are public too. */
const isPublic = v.check<string, string>(
  (url) => !isLoopback(new URL(withPort(url))),
  'is an address of this machine, which only a broker on this machine may have (see BASE_URL). Write the public https address.',
)

/** Makes the schema of a client that may have these bundles. */
function schemaOf(bundle_names: readonly string[], isLocal: boolean) {
  const address = (schema: v.GenericSchema<string>): v.GenericSchema<string> =>
    isLocal ? schema : v.pipe(schema, isPublic)
  const no_bundle = `there is no such bundle in BUNDLES. Write one of: ${bundle_names.join(', ')}.`
  return v.strictObject({
    name: v.optional(NAME),
    origins: listOf(address(ORIGIN)),
    bundles: v.optional(listOf(v.picklist(bundle_names, no_bundle))),
    redirect_uris: v.optional(listOf(address(REDIRECT_URI))),
    issuer: v.optional(address(ISSUER)),
    audience: v.optional(v.pipe(v.string(), v.nonEmpty())),
    jwks_uri: v.optional(address(JWKS_URI)),
    algorithms: v.optional(listOf(v.picklist(ALGORITHMS)), DEFAULT_ALGORITHMS),
  })
}

function listOf<S extends v.GenericSchema>(item: S) {
  return v.pipe(v.array(item), v.minLength(1))
}

type Entry = v.InferOutput<ReturnType<typeof schemaOf>> & { id: string }

/** Conflicts between members of a client, or with an earlier client: the member, the test, and what to write. */
const CONFLICTS: [string, (entry: Entry, earlier: readonly Entry[]) => boolean, string][] = [
  [
    '.redirect_uris',
    ({ origins, redirect_uris = [] }) =>
      redirect_uris
        .map((uri) => anyPortOf(uri) ?? new URL(uri).origin)
        .some((origin) => !origins.includes(origin) && !origins.includes(toAnyPort(origin))),
    'one has an origin that is not in origins, so its page could not redeem the code. Write the origin of each redirect URI into origins.',
  ],
  [
    '',
    ({ issuer, audience, jwks_uri, redirect_uris }) =>
      Boolean(issuer || audience || jwks_uri) && !(issuer && audience && jwks_uri && redirect_uris),
    'has only some of issuer, audience, jwks_uri and redirect_uris. Write all four: the "iss" and "aud" of your users\' JWTs, the "jwks_uri" of their issuer, and where users return to. Or leave out the first three.',
  ],
  [
    '',
    ({ id }, earlier) => earlier.some((other) => other.id.toLowerCase() === id.toLowerCase()),
    'there is another client whose id differs in case only. Write another id.',
  ],
  [
    '.audience',
    ({ issuer, audience }, earlier) =>
      earlier.some((other) => issuer && other.issuer === issuer && other.audience === audience),
    'another client has the same issuer and audience. Write an audience for this client alone.',
  ],
  [
    '.origins',
    ({ origins, redirect_uris }, earlier) =>
      earlier
        .filter((other) => !other.redirect_uris !== !redirect_uris)
        .some((other) => other.origins.some((origin) => origins.includes(origin))),
    'another client of the other mode has one of them. Write an origin for cookie mode or for OAuth mode, not for both.',
  ],
]

/** Returns the mode of a client: OAuth if it has redirect URIs. */
export function modeOf(client: Client): ClientMode {
  return client.redirect_uris || client.app_issuer ? 'oauth' : 'cookie'
}

/** Whether a client has this origin: exactly, or at any port of this machine if no other client names it. */
export function hasOrigin({ origins, foreign_origins }: Client, origin: string): boolean {
  if (!origin.endsWith('*') && origins.has(origin)) return true
  return isOrigin(origin) && origins.has(toAnyPort(origin)) && !foreign_origins?.has(origin)
}

/** Whether a client has this redirect URI: exactly (RFC 9700 §2.1), or at any port of this machine (RFC 8252 §7.3). */
export function hasRedirectUri(client: Client, uri: string): boolean {
  const { redirect_uris, foreign_origins } = client
  if (!redirect_uris || uri.length > MAX_REDIRECT_URI_LENGTH) return false
  const anyPort = toAnyPort(uri)
  if (anyPort === uri) return anyPortOf(uri) === undefined && redirect_uris.has(uri)
  if (redirect_uris.has(uri)) return true
  const url = URL.parse(uri)
  const isExact = url !== null && [uri, `${uri}/`].includes(url.href) && !uri.includes('#')
  if (!isExact || foreign_origins?.has(url.origin)) return false
  return redirect_uris.has(anyPort) || redirect_uris.has(toAnyPort(url.origin))
}

/**
 * Reads `CLIENTS`, a table or its JSON; left out: one client, on the broker's own origin, with all bundles.
 *
 * @param broker_origin origin of `BASE_URL`, if that could be read; on loopback, clients may be on loopback too
 * @returns the clients, by id, and every problem and warning, a sentence each
 */
export function parseClients(
  given: unknown,
  broker_origin: string | undefined,
  bundle_names: readonly string[],
): {
  clients: ReadonlyMap<string, Client>
  problems: readonly string[]
  warnings: readonly string[]
} {
  if (given === undefined || given === '') {
    const origins = new Set(broker_origin === undefined ? [] : [broker_origin])
    const client = { id: 'default', origins, bundles: new Set(bundle_names) }
    return { clients: new Map([[client.id, client]]), problems: [], warnings: [] }
  }
  const isLocal = broker_origin === undefined || isLoopback(new URL(broker_origin))
  const { entries, problems } = readTable(
    {
      variable: 'CLIENTS',
      name: /^(?!(constructor|prototype)$)[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
      wrong_name:
        'is an id that a client cannot have. Write up to 64 letters, digits, dots, underscores and hyphens, a letter or digit first, and neither "constructor" nor "prototype".',
      entry: schemaOf(bundle_names, isLocal),
      example:
        'Write [vars.CLIENTS.id] with origins = ["https://app.example.com"] and, as needed, name, bundles, redirect_uris, issuer, audience, jwks_uri and algorithms. See src/tools/README.md.',
    },
    given,
  )
  const all = [...entries].map(([id, entry]) => ({ id, ...entry }))
  const conflicts = all.flatMap((entry, index) =>
    CONFLICTS.filter(([, isConflict]) => isConflict(entry, all.slice(0, index))).map(
      ([member, , sentence]) => `CLIENTS.${entry.id}${member}: ${sentence}`,
    ),
  )
  return {
    clients: new Map(all.map((entry) => [entry.id, toClient(entry, bundle_names, all)])),
    problems: [...problems, ...conflicts],
    warnings: all.flatMap((entry, index) => sharedOrigins(entry, all.slice(0, index))),
  }
}

/** Warns of an origin that two clients of OAuth mode share; https://html.spec.whatwg.org/#same-origin. */
function sharedOrigins({ id, origins, redirect_uris }: Entry, earlier: readonly Entry[]): string[] {
  const others = earlier.filter((other) => other.redirect_uris && redirect_uris)
  return others
    .filter((other) => other.origins.some((origin) => origins.includes(origin)))
    .map(
      (other) =>
        `CLIENTS.${id}.origins: the client ${other.id} has one of them. Pages of one origin are one page to a browser, and each can use the tokens of the other. Give each client an origin of its own.`,
    )
}

function toClient(entry: Entry, bundle_names: readonly string[], all: readonly Entry[]): Client {
  const { id, name, origins, bundles, redirect_uris, issuer, audience, jwks_uri, algorithms } =
    entry
  const foreign = all.filter((other) => other !== entry).flatMap((other) => other.origins)
  return {
    id,
    ...(name === undefined ? {} : { name }),
    origins: new Set(origins),
    ...(origins.some(anyPortOf) ? { foreign_origins: new Set(foreign) } : {}),
    bundles: new Set(bundles ?? bundle_names),
    ...(redirect_uris ? { redirect_uris: new Set(redirect_uris) } : {}),
    ...(issuer && audience && jwks_uri
      ? { app_issuer: { issuer, audience, jwks_uri, algorithms } }
      : {}),
  }
}
