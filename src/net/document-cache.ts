/** The cache for fetched documents: provider metadata, the RISC configuration, key sets. */

import { logError } from '../audit/log.ts'
import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { BrokerError, type Reason } from '../errors.ts'

/** How long a document is used before it is fetched again, in seconds. */
const FRESH_SECONDS = 60 * 60

/** The pause between two fetches of a document, in seconds, while one is in the cache (TMB-42). */
const COOL_DOWN_SECONDS = 30

/** The pause after a failure, in seconds, while no document is in the cache. */
const FAILURE_COOL_DOWN_SECONDS = 5

/**
 * How long other requests wait for a fetch before one of them fetches too, in seconds. A browser that leaves ends its
 * request, and with it the fetch, which then never settles.
 */
const MAX_WAIT_SECONDS = 3

/** How often a request checks whether the fetch of another request has ended, in milliseconds. */
const POLL_MS = 20

/** Holds no promise: in workerd one request cannot wait for the promise of another. */
interface Entry<T> {
  document?: { value: T }
  fetched_at: number
  /** NumericDate before which the document is not fetched again. */
  retry_at: number
  /** NumericDate until which others wait for the fetch that is under way; 0 when there is none. */
  busy_until: number
}

type Entries<T> = WeakMap<Config, Map<string, Entry<T>>>

/**
 * Makes a cache of documents, by configuration and URL. A document stays in use while its host cannot be reached.
 *
 * @param reason the reason of the error when there is no document, for the operator's log
 * @param load fetches a document
 * @returns a function that reads a document, by default the one of the issuer. `outdated` is a value that the caller
 *   cannot use: the document is then fetched again, at most once in 30 seconds. The function throws {BrokerError}
 *   `temporarily_unavailable` when there is no document.
 */
export function cached<T>(
  reason: Reason,
  load: (config: Config, url: string) => Promise<T>,
): (config: Config, url?: string, outdated?: T) => Promise<T> {
  const entries: Entries<T> = new WeakMap()
  return async function read(config, url = config.issuer, outdated) {
    const entry = entryOf(entries, config, url)
    const isFresh = now() < entry.fetched_at + FRESH_SECONDS
    if (!isFresh || (outdated !== undefined && entry.document?.value === outdated)) {
      try {
        await update(entry, () => load(config, url))
      } catch (error) {
        if (!entry.document) throw unavailable(reason, error)
        logError('document_fetch_failed', error)
      }
    }
    if (!entry.document) throw unavailable(reason)
    return entry.document.value
  }
}

/** Makes `temporarily_unavailable`. It takes over the failure of a `BrokerError`; otherwise the pause is 5 seconds. */
function unavailable(reason: Reason, cause?: unknown): BrokerError {
  const failure = cause instanceof BrokerError ? cause.failure : { reason }
  return new BrokerError(failure.reason, {
    retry_after: FAILURE_COOL_DOWN_SECONDS,
    ...failure,
    cause,
  })
}

function entryOf<T>(entries: Entries<T>, config: Config, url: string): Entry<T> {
  const known = entries.get(config) ?? new Map<string, Entry<T>>()
  entries.set(config, known)
  const entry = known.get(url) ?? { fetched_at: 0, retry_at: 0, busy_until: 0 }
  known.set(url, entry)
  return entry
}

/** Fetches the document, or waits while another request fetches it; does nothing during a pause. */
async function update<T>(entry: Entry<T>, load: () => Promise<T>): Promise<void> {
  if (now() < entry.busy_until) {
    while (now() < entry.busy_until) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    if (entry.busy_until === 0) return
  }
  if (now() < entry.retry_at) return
  entry.busy_until = now() + MAX_WAIT_SECONDS
  try {
    entry.document = { value: await load() }
    entry.fetched_at = now()
  } finally {
    entry.busy_until = 0
    entry.retry_at = now() + (entry.document ? COOL_DOWN_SECONDS : FAILURE_COOL_DOWN_SECONDS)
  }
}
