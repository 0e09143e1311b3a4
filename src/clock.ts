/** This file is the one clock: every point in time here is a NumericDate (RFC 7519 §2). */

/** Seconds since 1970-01-01T00:00:00Z, with the fraction, so that two events in one second keep their order. */
export function now(): number {
  return Date.now() / 1000
}
