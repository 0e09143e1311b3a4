/** The `Server-Timing` header of an authenticated request. */

/** What a request waits for: KV, a Durable Object, Google. */
export type Place = 'kv' | 'do' | 'google'

/** The times of one request. */
export interface Timings {
  /** Adds the time until `work` settles. */
  measure<T>(place: Place, work: Promise<T>): Promise<T>
  /** Adds a time measured elsewhere, in milliseconds. */
  add(place: Place, milliseconds: number): void
  /** Makes the header, with the total until now; W3C Server Timing §2. */
  toHeader(): string
}

/** Starts to measure a request. The clock of the runtime advances only while it waits. */
export function startTimings(): Timings {
  const began = Date.now()
  const spent: Partial<Record<Place, number>> = {}
  const add = (place: Place, milliseconds: number): void => {
    spent[place] = (spent[place] ?? 0) + milliseconds
  }
  return {
    add,
    async measure(place, work) {
      const from = Date.now()
      try {
        return await work
      } finally {
        add(place, Date.now() - from)
      }
    },
    toHeader() {
      let header = ''
      for (const place in spent) header += `${place};dur=${spent[place as Place]}, `
      return `${header}total;dur=${Date.now() - began}`
    },
  }
}
