/** The stored state of the simulator: the World and the bytes of uploads, in the SQLite of its Durable Object. */

import type { ByteStore } from './simulation.ts'
import { createWorld, type World } from './world.ts'

/** A store of bytes and of the World. */
export interface Storage extends ByteStore {
  /** Reads the World; an empty one at the first start. */
  loadWorld(): World
  /** Writes the members that have changed. */
  saveWorld(world: World): void
}

/** Bytes of a file in one row; a row has at most 2 MB. */
const PART_BYTES = 1024 * 1024

/** Opens the store. */
export function createStorage(storage: DurableObjectStorage): Storage {
  const { sql } = storage
  sql.exec(
    'CREATE TABLE IF NOT EXISTS parts (id TEXT, part INTEGER, bytes BLOB, PRIMARY KEY (id, part))',
  )
  /** The stored members of the World, as JSON. */
  const saved = new Map<string, string>()

  const get = (id: string): Uint8Array | undefined => {
    const rows = sql
      .exec<{ bytes: ArrayBuffer }>('SELECT bytes FROM parts WHERE id = ? ORDER BY part', id)
      .toArray()
    return rows.length === 0 ? undefined : concat(rows.map((row) => new Uint8Array(row.bytes)))
  }
  const remove = (id: string): void => {
    sql.exec('DELETE FROM parts WHERE id = ?', id)
  }
  const put = (id: string, bytes: Uint8Array): void =>
    storage.transactionSync(() => {
      remove(id)
      for (let part = 0; part === 0 || part * PART_BYTES < bytes.length; part++) {
        const slice = bytes.slice(part * PART_BYTES, (part + 1) * PART_BYTES)
        sql.exec('INSERT INTO parts VALUES (?, ?, ?)', id, part, slice.buffer)
      }
    })

  return {
    get,
    put,
    delete: remove,
    loadWorld() {
      const world = createWorld()
      const { settings } = world
      for (const name of Object.keys(world)) {
        const bytes = get(`world/${name}`)
        if (bytes) saved.set(name, new TextDecoder().decode(bytes))
      }
      const key = get('world/signing_key')
      if (key) saved.set('signing_key', new TextDecoder().decode(key))
      for (const [name, json] of saved) Object.assign(world, { [name]: JSON.parse(json) })
      return { ...world, settings: { ...settings, ...world.settings } }
    },
    saveWorld(world) {
      for (const [name, member] of Object.entries(world)) {
        const json = JSON.stringify(member)
        if (json === undefined || saved.get(name) === json) continue
        put(`world/${name}`, new TextEncoder().encode(json))
        saved.set(name, json)
      }
    },
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
