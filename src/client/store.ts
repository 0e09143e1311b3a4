/** The storage of OAuth mode: IndexedDB, the only one that can hold a key which scripts cannot export. */

import { BrokerError } from './broker-error.ts'

const TABLE = 'kept'

/** How long the storage may take, in milliseconds; in some browsers a broken one never answers. */
const LIMIT_MS = 5_000

/** Values by name. */
export interface Store<T> {
  get<K extends keyof T & string>(name: K): Promise<T[K] | undefined>
  /** Stores a value; `undefined` removes it. */
  set<K extends keyof T & string>(name: K, value: T[K] | undefined): Promise<void>
}

/** Opens a store of this origin. Its methods throw {BrokerError} `storage_unavailable`. */
export function openStore<T>(database: string): Store<T> {
  const use = async <R>(
    mode: IDBTransactionMode,
    work: (table: IDBObjectStore) => IDBRequest,
  ): Promise<R> => {
    const opening = indexedDB.open(database)
    opening.onupgradeneeded = () => opening.result.createObjectStore(TABLE)
    const db = await settled(opening)
    try {
      return await settled(work(db.transaction(TABLE, mode).objectStore(TABLE)))
    } finally {
      db.close()
    }
  }
  const run = async <R>(...use_this: Parameters<typeof use<R>>): Promise<R> => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new DOMException('too slow', 'TimeoutError')), LIMIT_MS)
    })
    try {
      return await Promise.race([use<R>(...use_this), limit])
    } catch (cause) {
      throw new BrokerError('storage_unavailable', { cause })
    } finally {
      clearTimeout(timer)
    }
  }
  return {
    get: (name) => run('readonly', (table) => table.get(name)),
    async set(name, value) {
      await run<unknown>('readwrite', (table) =>
        value === undefined ? table.delete(name) : table.put(value, name),
      )
    },
  }
}

function settled<R>(request: IDBRequest<R>): Promise<R> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}
