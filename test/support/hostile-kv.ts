/** A KV with the worst consistency that Cloudflare's may have; Miniflare's is strongly consistent and hides such bugs. */

/** How long a location caches a read or a miss, and how long a write takes to reach other locations, in milliseconds. */
const LAG_MS = 60_000

/** How many names a page of a listing has. */
const PAGE_KEYS = 3

interface Version {
  value: string | null
  written_at: number
  expires_at: number
  location: string
}

/** The records, as different locations read them. */
export interface HostileKv {
  /** The binding as the Worker and the Durable Object get it. */
  namespace: KVNamespace
  /** Location of the next reads. */
  location: string
  /** Makes every read or write fail; with `answers`, writes succeed but report a failure. */
  down: { reads: boolean; writes: boolean; answers?: boolean }
  /** Number of reads, writes and refused writes. */
  readonly counts: { reads: number; writes: number; refused: number }
  /** @returns the newest version of every record that has not expired */
  dump(): Map<string, string>
  /** Writes a value at all locations at once. */
  plant(key: string, value: string): void
  reset(): void
}

/** Location of the Durable Objects. */
const HOME = 'home'

/** Makes a hostile KV, which also refuses the second write to a key within a second with 429. */
export function createHostileKv(): HostileKv {
  const history = new Map<string, Version[]>()
  const caches = new Map<string, Map<string, { value: string | null; read_at: number }>>()
  const kv: HostileKv = {
    namespace: undefined as unknown as KVNamespace,
    location: 'fra',
    down: { reads: false, writes: false },
    counts: { reads: 0, writes: 0, refused: 0 },
    dump() {
      const newest = [...history].map(([key, versions]) => {
        const { value = null, expires_at = 0 } = versions.at(-1) ?? {}
        return [key, expires_at > Date.now() ? value : null] as const
      })
      return new Map(newest.filter((entry): entry is [string, string] => entry[1] !== null))
    },
    plant(key, value) {
      history.set(key, [
        { value, written_at: 0, expires_at: Number.POSITIVE_INFINITY, location: HOME },
      ])
      for (const cache of caches.values()) cache.delete(key)
    },
    reset() {
      history.clear()
      caches.clear()
      kv.location = 'fra'
      kv.down = { reads: false, writes: false }
      Object.assign(kv.counts, { reads: 0, writes: 0, refused: 0 })
    },
  }

  const visible = (key: string, location: string): string | null => {
    const now = Date.now()
    const arrived = (history.get(key) ?? []).filter(
      (version) => version.location === location || version.written_at + LAG_MS <= now,
    )
    const newest = arrived.at(-1)
    return newest && newest.expires_at > now ? newest.value : null
  }

  const read = (key: string): string | null => {
    kv.counts.reads++
    if (kv.down.reads) throw new Error('KV GET failed: 500 Internal Server Error')
    const cache =
      caches.get(kv.location) ?? new Map<string, { value: string | null; read_at: number }>()
    caches.set(kv.location, cache)
    const cached = cache.get(key)
    if (cached && Date.now() < cached.read_at + LAG_MS) return cached.value
    const value = visible(key, kv.location)
    cache.set(key, { value, read_at: Date.now() })
    return value
  }

  const write = (key: string, value: string | null, expirationTtl?: number): void => {
    const now = Date.now()
    const versions = history.get(key) ?? []
    const last = versions.at(-1)
    if (kv.down.writes || (last && now - last.written_at < 1000 && last.written_at !== 0)) {
      kv.counts.refused++
      throw new Error('KV PUT failed: 429 Too Many Requests')
    }
    if (expirationTtl !== undefined && expirationTtl < 60)
      throw new Error('KV PUT failed: 400 Invalid expiration_ttl')
    kv.counts.writes++
    const expires_at =
      expirationTtl === undefined ? Number.POSITIVE_INFINITY : now + expirationTtl * 1000
    history.set(key, [...versions, { value, written_at: now, expires_at, location: HOME }])
    caches.get(HOME)?.delete(key)
    if (kv.down.answers) throw new Error('KV PUT failed: 500 Internal Server Error')
  }

  /** A page of names in order, as the current location reads them. */
  const page = (prefix: string, after: string): object => {
    const names = [...history.keys()]
      .filter((key) => key.startsWith(prefix) && key > after && visible(key, kv.location) !== null)
      .sort()
    const keys = names.slice(0, PAGE_KEYS).map((name) => ({ name }))
    const isLast = names.length <= PAGE_KEYS
    return isLast
      ? { keys, list_complete: true }
      : { keys, list_complete: false, cursor: keys.at(-1)?.name }
  }

  kv.namespace = {
    get: async (key: string) => read(key),
    put: async (key: string, value: string, options?: { expirationTtl?: number }) =>
      write(key, value, options?.expirationTtl),
    delete: async (key: string) => write(key, null),
    list: async ({ prefix = '', cursor }: { prefix?: string; cursor?: string | null } = {}) =>
      page(prefix, cursor ?? ''),
  } as unknown as KVNamespace
  return kv
}
