/** This file is `Server-Timing`: where the time of an authenticated request went. */

/** The places a request spends time in. */
export type Place = 'kv' | 'do' | 'google'

/** Gathers the times of one request. */
export interface Timings {
  /** Adds the time that some work takes to its place. */
  measure<T>(place: Place, work: Promise<T>): Promise<T>
  /** Adds a time measured elsewhere, in milliseconds. */
  add(place: Place, milliseconds: number): void
  /** The header, with the total up to now; W3C Server Timing §2. */
  toHeader(): string
}

/** Starts the clock of one request. It stands still while the runtime computes: only waiting is seen. */
export function startTimings(): Timings {
  const began = Date.now()
  const spent = new Map<Place, number>()
  const add = (place: Place, milliseconds: number): void =>
    void spent.set(place, (spent.get(place) ?? 0) + milliseconds)
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
    toHeader: () =>
      [...spent, ['total', Date.now() - began] as const]
        .map(([place, dur]) => `${place};dur=${dur}`)
        .join(', '),
  }
}
