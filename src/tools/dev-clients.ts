/** The clients of `npm start`: those of the demo, any page of this machine, and those of the configuration. */

import { readFile } from 'node:fs/promises'
import { parse } from 'smol-toml'
import type { Secrets } from './secrets-file.ts'

/** The table `CLIENTS` or `BUNDLES`; its entries are checked by the broker. */
type Table = Readonly<Record<string, unknown>>

/** What a configuration adds to a run. */
export interface OwnTables {
  clients: Table
  /** Left out: those of `wrangler.toml`, which wrangler reads itself. */
  bundles?: Table
}

/** The demo's clients; each has one origin. */
export type DemoClients = Readonly<Record<string, { origins: [string]; redirect_uris?: string[] }>>

/** Any page on this machine, at any port. */
const ANY_PAGE = ['http://localhost:*', 'http://127.0.0.1:*']

/**
 * Reads the clients of `wrangler.toml`, and those of `.dev.vars`, which replace them; and the bundles of `.dev.vars`.
 *
 * @throws {Error} a sentence: a value is no table
 */
export async function readOwnTables(config: string, secrets: Secrets): Promise<OwnTables> {
  const { vars = {} } = parse(await readFile(config, 'utf8')) as { vars?: Table }
  const { CLIENTS, BUNDLES } = secrets
  return {
    clients: tableOf('CLIENTS', CLIENTS || vars['CLIENTS'] || {}, CLIENTS ? '.dev.vars' : config),
    ...(BUNDLES ? { bundles: tableOf('BUNDLES', BUNDLES, '.dev.vars') } : {}),
  }
}

/**
 * Adds to the clients of the demo the client `local`, for any page of this machine, and one's own. One that has the id
 * or an origin of theirs is left out.
 *
 * @returns the table, and a sentence for each client that is left out
 */
export function withOwnClients(
  demo: DemoClients,
  own: Table,
): { clients: Table; left_out: string[] } {
  const fixed = {
    ...demo,
    local: { name: 'A page on this machine', origins: ANY_PAGE, redirect_uris: ANY_PAGE },
  }
  const left_out: string[] = []
  const added = Object.entries(own).filter(([id, client]) => {
    const origins = [(client as { origins?: unknown } | null)?.origins].flat()
    const other = Object.keys(demo).find((id) => origins.includes(demo[id]?.origins[0]))
    const reason = Object.hasOwn(fixed, id)
      ? 'npm start has a client of that name'
      : other && `the client ${other} of npm start has its origin`
    if (reason) left_out.push(`Your client ${id} is left out: ${reason}.`)
    return !reason
  })
  return { clients: { ...fixed, ...Object.fromEntries(added) }, left_out }
}

function tableOf(name: string, value: unknown, place: string): Table {
  const table = typeof value === 'string' ? fromJson(value) : value
  if (typeof table === 'object' && table !== null && !Array.isArray(table)) return table as Table
  throw new Error(
    `${name} of ${place} is no table and no JSON of one. Write ${name}={"name":{…}} on one line.`,
  )
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
