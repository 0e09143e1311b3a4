/** The clients: the frontends that may use the broker, read from `CLIENTS`. */

import * as v from 'valibot'
import { readTable, text } from './read.ts'
import { isIssuer, isOrigin, isPublicUrl } from './urls.ts'

/** A frontend that may ask for tokens. */
export interface Client {
  readonly id: string
  /** Exact origins; RFC 6454 §6.2. */
  readonly origins: ReadonlySet<string>
  /** Names of the bundles it may have. */
  readonly bundles: ReadonlySet<string>
  /** OAuth mode only: its redirect URIs, compared as text; RFC 9700 §2.1. */
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
  isOrigin,
  'is not an exact https origin. Write scheme, host and port only, in lower case, without a path or a wildcard: "https://app.example.com".',
)

const REDIRECT_URI = text(
  (uri) => isPublicUrl(uri) && uri.length <= MAX_REDIRECT_URI_LENGTH,
  `is not an exact https URL of at most ${MAX_REDIRECT_URI_LENGTH} characters. Write it in full, as your page sends it, without a fragment or a wildcard: "https://app.example.com/back".`,
)

const ISSUER = text(
  isIssuer,
  'is not an issuer. Write the "iss" of your users\' JWTs, an https URL.',
)

const JWKS_URI = text(
  isPublicUrl,
  'is not an https URL. Write the "jwks_uri" of the issuer\'s discovery document.',
)

/** Makes the schema of a client that may have these bundles. */
function schemaOf(bundle_names: readonly string[]) {
  const no_bundle = `there is no such bundle in BUNDLES. Write one of: ${bundle_names.join(', ')}.`
  return v.strictObject({
    origins: listOf(ORIGIN),
    bundles: v.optional(listOf(v.picklist(bundle_names, no_bundle))),
    redirect_uris: v.optional(listOf(REDIRECT_URI)),
    issuer: v.optional(ISSUER),
    audience: v.optional(v.pipe(v.string(), v.nonEmpty())),
    jwks_uri: v.optional(JWKS_URI),
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
      redirect_uris.some((uri) => !origins.includes(new URL(uri).origin)),
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

/**
 * Reads `CLIENTS`, a table or its JSON; left out: one client, on the broker's own origin, with all bundles.
 *
 * @param broker_origin origin of `BASE_URL`, if that could be read
 * @returns the clients, by id, and every problem, a sentence each
 */
export function parseClients(
  given: unknown,
  broker_origin: string | undefined,
  bundle_names: readonly string[],
): { clients: ReadonlyMap<string, Client>; problems: readonly string[] } {
  if (given === undefined || given === '') {
    const origins = new Set(broker_origin === undefined ? [] : [broker_origin])
    const client = { id: 'default', origins, bundles: new Set(bundle_names) }
    return { clients: new Map([[client.id, client]]), problems: [] }
  }
  const { entries, problems } = readTable(
    {
      variable: 'CLIENTS',
      name: /^(?!(constructor|prototype)$)[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
      wrong_name:
        'is an id that a client cannot have. Write up to 64 letters, digits, dots, underscores and hyphens, a letter or digit first, and neither "constructor" nor "prototype".',
      entry: schemaOf(bundle_names),
      example:
        'Write [vars.CLIENTS.id] with origins = ["https://app.example.com"] and, as needed, bundles, redirect_uris, issuer, audience, jwks_uri and algorithms. See src/tools/README.md.',
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
    clients: new Map(all.map((entry) => [entry.id, toClient(entry, bundle_names)])),
    problems: [...problems, ...conflicts],
  }
}

function toClient(entry: Entry, bundle_names: readonly string[]): Client {
  const { id, origins, bundles, redirect_uris, issuer, audience, jwks_uri, algorithms } = entry
  return {
    id,
    origins: new Set(origins),
    bundles: new Set(bundles ?? bundle_names),
    ...(redirect_uris ? { redirect_uris: new Set(redirect_uris) } : {}),
    ...(issuer && audience && jwks_uri
      ? { app_issuer: { issuer, audience, jwks_uri, algorithms } }
      : {}),
  }
}
