/** The principal of a request: an authenticated user of a client, in either mode. */

import type { Client } from '../../config/clients.ts'
import { BrokerError } from '../../errors.ts'
import type { Credential } from '../../subject/credential.ts'
import { askSubject } from '../../subject/stub.ts'
import type { BrokerContext } from '../http/context.ts'

/** An authenticated user of a client. */
export interface Principal {
  client: Client
  /** The user at the provider, or at the issuer of the app's JWTs. */
  sub: string
  /** The pseudonym of the user in storage. */
  subject: string
  /** What the subject's Durable Object checks. */
  credential: Credential
  /** Makes the URL at which consent to a bundle starts; `undefined` for an app's user, whose request is pushed. */
  connectUrl(bundle: string): string | undefined
  /** Maps an error of the Durable Object, such as an ended session, to the error of this mode. */
  toClientError(error: BrokerError, bundle?: string): BrokerError
}

/** What is needed to issue an access token of a subject; a media ticket does not know the `sub`. */
export type TokenOwner = Omit<Principal, 'sub'>

/**
 * Asks the Durable Object of a principal, and measures the time.
 *
 * @param bundle the bundle that the request is about; `consent_required` then says where to connect it
 * @throws {BrokerError} the error of the Durable Object, as the client of this mode knows it
 */
export async function askSubjectAs<T>(
  c: BrokerContext,
  principal: TokenOwner,
  request: Parameters<typeof askSubject<T>>[2],
  bundle?: string,
): Promise<T> {
  const answer = askSubject(c.env.SUBJECTS, principal.subject, request)
  try {
    return await c.get('timings').measure('do', answer)
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    const { failure } = error
    if (failure.code !== 'consent_required' || bundle === undefined)
      throw principal.toClientError(error, bundle)
    const members = { ...failure.members, bundle, ...connectMember(principal, bundle) }
    throw new BrokerError(failure.reason, { ...failure, members })
  }
}

/** Makes the member of an answer that says where consent starts; none if no link can start it. */
export function connectMember(
  { connectUrl }: Pick<Principal, 'connectUrl'>,
  bundle: string,
): { connect_url?: string } {
  const connect_url = connectUrl(bundle)
  return connect_url === undefined ? {} : { connect_url }
}
