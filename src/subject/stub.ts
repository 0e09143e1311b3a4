/** This file is the way from the Worker to a subject's Durable Object. */

import { BrokerError, type Outcome, unwrap } from '../errors.ts'
import type { Subject } from './subject.ts'

/**
 * Asks a subject's Durable Object.
 *
 * @param name the subject key, or another name that no request can choose (TMB-43)
 * @throws {BrokerError} the failure it answered, or `temporarily_unavailable` when it could not be reached
 */
export async function askSubject<T>(
  namespace: DurableObjectNamespace<Subject>,
  name: string,
  call: (subject: DurableObjectStub<Subject>) => Promise<Outcome<T>>,
): Promise<T> {
  let outcome: Outcome<T>
  try {
    outcome = await call(namespace.getByName(name))
  } catch (cause) {
    throw new BrokerError('temporarily_unavailable', 'subject_unreachable', { cause })
  }
  return unwrap(outcome)
}
