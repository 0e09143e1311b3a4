/** A Worker with KV in memory: each key is read from the namespace once, so that a load measures the Worker and not the storage. */

import worker from 'photos-token-broker'

export * from 'photos-token-broker'

/** The bindings that are replaced. */
const NAMESPACES = ['TOKENS', 'OAUTH_KV']

let environment: Env | undefined

export default {
  fetch(request, env, ctx) {
    environment ??= withMemory(env)
    return worker.fetch(request, environment, ctx)
  },
} satisfies ExportedHandler<Env>

function withMemory(env: Env): Env {
  const bindings = Object.entries(env).map(([name, binding]) => [
    name,
    NAMESPACES.includes(name) ? inMemory(binding as KVNamespace) : binding,
  ])
  return Object.fromEntries(bindings)
}

/** How a value is read: by its type, or by options. */
type Reading = 'text' | 'json' | { type?: 'text' | 'json' }

/** Has the methods that the sides call. A key that is missing or was written is read from the namespace again. */
function inMemory(kv: KVNamespace): object {
  const values = new Map<string, string>()
  return {
    async get(key: string, reading: Reading = 'text'): Promise<unknown> {
      const value = values.get(key) ?? (await kv.get(key))
      if (value === null) return null
      values.set(key, value)
      const type = typeof reading === 'string' ? reading : reading.type
      return type === 'json' ? JSON.parse(value) : value
    },
    async put(key: string, value: string, options?: KVNamespacePutOptions): Promise<void> {
      values.delete(key)
      await kv.put(key, value, options)
    },
    async delete(key: string): Promise<void> {
      values.delete(key)
      await kv.delete(key)
    },
    list: (options?: KVNamespaceListOptions) => kv.list(options),
  }
}
