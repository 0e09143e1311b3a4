/** This file is a running simulation: the World, with the clock, the clients and the store of bytes beside it. */

import type { Hold } from './faults/hold.ts'
import type { World } from './world.ts'

/** An OAuth client as it was registered in the console, of type "web application". */
export interface Client {
  client_id: string
  client_secret: string
  redirect_uris: string[]
  /** What people read on the consent page; the client id when left out. */
  name?: string
  /** Where it wants to be told what happens to its users' accounts. */
  receiver?: string
}

/** Where the bytes of media items are kept: outside the World, which stays small. */
export interface ByteStore {
  get(id: string): Uint8Array | undefined
  put(id: string, bytes: Uint8Array): void
  delete(id: string): void
}

/** What every part of the simulator works on. */
export interface Simulation {
  /** The one origin that stands for all of Google's hosts; the issuer too. */
  readonly origin: string
  readonly clients: readonly Client[]
  readonly world: World
  readonly bytes: ByteStore
  /** Calls that a test holds back. */
  readonly holds: Set<Hold>
  /** Sends a request to an app. */
  send(request: Request): Promise<Response>
  /** NumericDate of this Google's clock. */
  now(): number
}

/** Tells an app's name. */
export function nameOf(simulation: Simulation, client_id: string): string {
  return simulation.clients.find((client) => client.client_id === client_id)?.name ?? client_id
}

/** Makes an unguessable name: of a token, a code, a session. */
export function randomName(prefix = ''): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  return prefix + bytes.toBase64({ alphabet: 'base64url', omitPadding: true })
}
