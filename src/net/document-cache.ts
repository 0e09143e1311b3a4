/** This file is what the provider tells of itself: asked for when it is needed, and seldom. */

import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'

/** So long a document is believed. */
const FRESH_SECONDS = 60 * 60

/** So long nobody asks again after a failure. */
const COOL_DOWN_SECONDS = 5

interface Known<T> {
  document?: { value: T }
  fetched_at: number
  failed_at: number
}

/**
 * Makes a reader of one of the provider's documents, which is asked for once an hour.
 *
 * A document that was read once goes on being used while the provider cannot be reached. Settled values only: a
 * request in flight is never shared between callers, whose runtimes may differ.
 *
 * @returns a function that throws {BrokerError} `temporarily_unavailable` when there is nothing to go by
 */
export function cached<T>(
  fetchDocument: (config: Config) => Promise<T>,
): (config: Config) => Promise<T> {
  const documents = new WeakMap<Config, Known<T>>()
  return async function read(config) {
    const known = documents.get(config) ?? { fetched_at: 0, failed_at: 0 }
    documents.set(config, known)
    if (known.document && now() < known.fetched_at + FRESH_SECONDS) return known.document.value
    if (now() >= known.failed_at + COOL_DOWN_SECONDS) {
      try {
        known.document = { value: await fetchDocument(config) }
        known.fetched_at = now()
      } catch (error) {
        known.failed_at = now()
        if (!known.document) throw error
      }
    }
    if (!known.document)
      throw new BrokerError('temporarily_unavailable', 'google_unreachable', {
        retry_after: COOL_DOWN_SECONDS,
      })
    return known.document.value
  }
}
