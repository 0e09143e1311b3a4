/** This file is the clients: the frontends of the configuration, with their origins and their bundles. */

import {
  array,
  minLength,
  nonEmpty,
  optional,
  pipe,
  record,
  regex,
  safeParse,
  strictObject,
  string,
} from 'valibot'

/** A frontend that may ask for tokens. */
export interface Client {
  readonly id: string
  /** Exact origins; RFC 6454 §6.2. */
  readonly origins: ReadonlySet<string>
  /** Names of the bundles it may have. */
  readonly bundles: ReadonlySet<string>
}

/** The client of a configuration without `CLIENTS`. */
const DEFAULT_CLIENT_ID = 'default'

const CLIENTS = record(
  pipe(string(), regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)),
  strictObject({
    origins: pipe(array(pipe(string(), nonEmpty())), minLength(1)),
    bundles: optional(pipe(array(string()), minLength(1))),
  }),
)

/**
 * Reads `CLIENTS`: a table, or its JSON; left out: one client, on the broker's own origin, with all bundles.
 *
 * @param brokerOrigin origin of `BASE_URL`, if that could be read
 * @returns the clients by id, and every problem, each a sentence that names the place and never a value
 */
export function parseClients(
  table: unknown,
  brokerOrigin: string | undefined,
  bundleNames: readonly string[],
): { clients: ReadonlyMap<string, Client>; problems: readonly string[] } {
  const clients = new Map<string, Client>()
  const problems: string[] = []
  if (table === undefined || table === '') {
    const origins = new Set(brokerOrigin === undefined ? [] : [brokerOrigin])
    clients.set(DEFAULT_CLIENT_ID, {
      id: DEFAULT_CLIENT_ID,
      origins,
      bundles: new Set(bundleNames),
    })
    return { clients, problems }
  }
  const parsed = safeParse(CLIENTS, typeof table === 'string' ? fromJson(table) : table)
  if (!parsed.success) {
    const places = parsed.issues.map((issue) => placeOf(issue.path))
    for (const place of new Set(places)) {
      problems.push(
        `CLIENTS${place}: is not right. A client is [vars.CLIENTS.id] with origins = ["https://app.example.com"] and, if it may not have all bundles, bundles = ["name"].`,
      )
    }
    return { clients, problems }
  }
  for (const [id, client] of Object.entries(parsed.output)) {
    for (const [index, origin] of client.origins.entries()) {
      if (!isOrigin(origin)) {
        problems.push(
          `CLIENTS.${id}.origins[${index}]: is not an exact https origin. Write scheme, host and port only, in lower case, without a path or a wildcard: "https://app.example.com".`,
        )
      }
    }
    for (const [index, name] of (client.bundles ?? []).entries()) {
      if (!bundleNames.includes(name)) {
        problems.push(
          `CLIENTS.${id}.bundles[${index}]: there is no such bundle in BUNDLES. Write one of: ${bundleNames.join(', ')}.`,
        )
      }
    }
    if ([...clients.keys()].some((other) => other.toLowerCase() === id.toLowerCase())) {
      problems.push(
        `CLIENTS.${id}: there is another client whose id differs in case only. Write another id.`,
      )
    }
    clients.set(id, {
      id,
      origins: new Set(client.origins),
      bundles: new Set(client.bundles ?? bundleNames),
    })
  }
  if (clients.size === 0)
    problems.push('CLIENTS: is empty. Name at least one client, or leave CLIENTS out.')
  return { clients, problems }
}

/** An origin exactly as a browser writes it; http on this machine only. URL parsers let a `*` pass in a host name. */
function isOrigin(text: string): boolean {
  if (URL.parse(text)?.origin !== text) return false
  const isLocal = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(text)
  return isLocal || /^https:\/\/([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(:\d+)?$/.test(text)
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
