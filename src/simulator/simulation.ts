/** A running simulator: its state (the World), clock, clients and stored bytes. */

import type { Hold } from './faults/hold.ts'
import type { World } from './world.ts'

/** An OAuth client of the type "web application". */
export interface Client {
  client_id: string
  client_secret: string
  redirect_uris: string[]
  /** The project that it belongs to. Users consent to a project, and revoke all of it; default: one of its own. */
  project?: string
  /** Name on the consent page; default: the client id. */
  name?: string
  /** Where security events of its users' accounts are sent. */
  receiver?: string
}

/** The bytes of media items, stored outside the World so that it stays small. */
export interface ByteStore {
  get(id: string): Uint8Array | undefined
  put(id: string, bytes: Uint8Array): void
  delete(id: string): void
}

/** What every part of the simulator gets. */
export interface Simulation {
  /** The origin that stands for all hosts of Google; also the issuer. */
  readonly origin: string
  readonly clients: readonly Client[]
  readonly world: World
  readonly bytes: ByteStore
  /** Holds of tests. */
  readonly holds: Set<Hold>
  /** Sends a request to an app. */
  send(request: Request): Promise<Response>
  /** The simulator's clock, as NumericDate. */
  now(): number
  /** The clock of the apps, which the setting `clock_ahead_seconds` does not change. It dates what they verify. */
  appsNow(): number
}

/** Lists the clients of a project. */
export function clientsOf({ clients }: Simulation, project: string): Client[] {
  return clients.filter((client) => (client.project ?? client.client_id) === project)
}

/** Finds the project of a client. */
export function projectOf({ clients }: Simulation, client_id: string): string {
  return clients.find((client) => client.client_id === client_id)?.project ?? client_id
}

/** Finds the name of an app. */
export function appName(simulation: Simulation, client_id: string): string {
  return simulation.clients.find((client) => client.client_id === client_id)?.name ?? client_id
}

/** Makes a random name of 256 bits for a token, a code or a session. */
export function randomName(prefix = ''): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  return prefix + bytes.toBase64({ alphabet: 'base64url', omitPadding: true })
}
