/** The version of what is stored: what a later version of the broker wrote is refused, and stays as it is. */

import { BrokerError } from '../errors.ts'

/** The version of the tables and records of this build. What has no version has this one. */
const VERSION = 1

/**
 * Requires that this build can read what is stored. Else it would take it for unreadable, and write over it.
 *
 * @throws {BrokerError} server_error: a later version of the broker wrote it
 */
export function requireKnownVersion(version: number = VERSION): void {
  if (version > VERSION) throw new BrokerError('stored_by_later_version')
}
