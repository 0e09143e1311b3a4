/** The call from the Worker to a subject's Durable Object. */

import { BrokerError, isReason, type Outcome, unwrap } from '../errors.ts'
import type { Subject } from './subject.ts'

/**
 * Calls a subject's Durable Object.
 *
 * @param subject the subject key, which a request cannot choose (TMB-43)
 * @throws {BrokerError} the failure it returned, or `temporarily_unavailable` when it could not be reached
 */
export async function askSubject<T>(
  namespace: DurableObjectNamespace<Subject>,
  subject: string,
  call: (stub: DurableObjectStub<Subject>) => Promise<Outcome<T>>,
): Promise<T> {
  let outcome: Outcome<T>
  try {
    outcome = await call(namespace.getByName(subject))
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : '' // an error of an object keeps its message, not its class
    throw new BrokerError(isReason(text) ? text : 'subject_unreachable', { cause })
  }
  return unwrap(outcome)
}
