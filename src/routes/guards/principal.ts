/** This file is the caller: whoever asks, known by a credential that was checked, whatever the mode. */

import type { Client } from '../../config/clients.ts'
import { BrokerError } from '../../errors.ts'
import type { Credential } from '../../subject/credential.ts'

/** Whoever asks. */
export interface Principal {
  client: Client
  /** The user at the provider, or at the issuer of the app's JWTs. */
  sub: string
  /** The pseudonym that storage knows the user by. */
  subject: string
  /** What the subject's Durable Object is shown. */
  credential: Credential
  /** Where consent to a bundle begins. */
  connectUrl(bundle: string): string
  /** Puts a refusal of the Durable Object into the words of this caller's mode: of an ended session, above all. */
  toClientError(refusal: BrokerError, bundle?: string): BrokerError
}

/** Whoever has a right to the access tokens of a subject, whoever that is. */
export type TokenOwner = Pick<
  Principal,
  'client' | 'subject' | 'credential' | 'connectUrl' | 'toClientError'
>

/** Waits for what the Durable Object says, and puts a failure into the words of this caller's mode. */
export async function withClientErrors<T>(
  principal: TokenOwner,
  call: Promise<T>,
  bundle?: string,
): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    const { code, reason, ...more } = error.failure
    if (code !== 'consent_required' || bundle === undefined)
      throw principal.toClientError(error, bundle)
    const connect_url = principal.connectUrl(bundle)
    throw new BrokerError(code, reason, {
      ...more,
      members: { ...more.members, bundle, connect_url },
    })
  }
}
