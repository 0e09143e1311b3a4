/** The clock: every point in time is a NumericDate, RFC 7519 §2. */

/** Returns the seconds since 1970-01-01T00:00:00Z, with fractions, so that two events in one second keep their order. */
export function now(): number {
  return Date.now() / 1000
}
