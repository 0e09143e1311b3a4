/** This file is the caller: whoever asks, known by a credential that was checked, whatever the mode. */

import type { Client } from '../../config/clients.ts'
import { BrokerError } from '../../errors.ts'
import type { Asker } from '../../subject/credential.ts'

/** Whoever asks. */
export interface Caller {
  client: Client
  /** The user at the provider, or at the issuer of the app's JWTs. */
  sub: string
  /** The pseudonym that storage knows the user by. */
  subject: string
  /** What the subject's Durable Object is shown. */
  asker: Asker
  /** Where consent to a bundle begins. */
  connectUrl(bundle: string): string
  /** Puts a refusal of the Durable Object into the words of this caller's mode: of an ended session, above all. */
  explain(refusal: BrokerError, bundle?: string): BrokerError
}

/** Whoever has a right to the access tokens of a subject, whoever that is. */
export type Claimant = Pick<Caller, 'client' | 'subject' | 'asker' | 'connectUrl' | 'explain'>

/** Waits for what the Durable Object says, and puts a failure into the words of this caller's mode. */
export async function inWordsFor<T>(
  caller: Claimant,
  asking: Promise<T>,
  bundle?: string,
): Promise<T> {
  try {
    return await asking
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    const { code, reason, ...more } = error.failure
    if (code !== 'consent_required' || bundle === undefined) throw caller.explain(error, bundle)
    const connect_url = caller.connectUrl(bundle)
    throw new BrokerError(code, reason, {
      ...more,
      members: { ...more.members, bundle, connect_url },
    })
  }
}
