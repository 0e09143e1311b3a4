/** The storage of OAuth mode: IndexedDB, the only one that can hold a key which scripts cannot export. */

const TABLE = 'kept'

/** Values by name. */
export interface Store<T> {
  get<K extends keyof T & string>(name: K): Promise<T[K] | undefined>
  /** Stores a value; `undefined` removes it. */
  set<K extends keyof T & string>(name: K, value: T[K] | undefined): Promise<void>
}

/** Opens a store of this origin. Errors of IndexedDB are thrown as they are. */
export function openStore<T>(database: string): Store<T> {
  const run = async <R>(
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
