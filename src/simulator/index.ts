/** The simulator as a Worker: one Durable Object answers every request. */

import { DurableObject } from 'cloudflare:workers'
import { createSimulator, type Simulator } from './app.ts'
import { readClients } from './clients.ts'
import { createStorage, type Storage } from './storage.ts'

/** The bindings of wrangler.toml beside this file. */
export interface Bindings {
  GOOGLE: DurableObjectNamespace<Google>
  SIMULATOR_URL?: string
  CLIENTS?: unknown
}

/** The simulator in a Durable Object, whose state survives a restart. */
export class Google extends DurableObject<Bindings> {
  readonly #storage: Storage
  readonly #simulator: Simulator

  constructor(ctx: DurableObjectState, env: Bindings) {
    super(ctx, env)
    this.#storage = createStorage(ctx.storage)
    this.#simulator = createSimulator({
      origin: env.SIMULATOR_URL ?? 'http://localhost:8788',
      clients: readClients(env.CLIENTS),
      world: this.#storage.loadWorld(),
      bytes: this.#storage,
    })
  }

  override async fetch(request: Request): Promise<Response> {
    try {
      return await this.#simulator.fetch(request)
    } finally {
      this.#storage.saveWorld(this.#simulator.world)
    }
  }
}

export default {
  fetch: async (request, env) => env.GOOGLE.getByName('google').fetch(request),
} satisfies ExportedHandler<Bindings>
