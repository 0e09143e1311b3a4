/** Checks of single answers: the members of errors and tokens, and that no secret is in a text. */

import { env } from 'cloudflare:workers'
import type { Answer } from '../support/broker.ts'
import type { FaultyGoogle } from './google.ts'

/** The statuses of each error code. */
const STATUSES: Record<string, number[]> = {
  invalid_request: [400],
  invalid_scope: [400],
  invalid_grant: [400],
  invalid_dpop_proof: [400, 401],
  use_dpop_nonce: [400, 401],
  login_required: [401],
  consent_required: [400, 403], // 400 at the token endpoint
  access_denied: [400, 403],
  slow_down: [429],
  temporarily_unavailable: [503],
  server_error: [500],
}

const CAUSES = [
  ...['revoked_by_user', 'testing_mode_7_days', 'unused_6_months', 'time_limited_access'],
  ...['too_many_grants', 'client_changed', 'unknown'],
]

/** @returns what is wrong with an error response */
export function faultsOfError({ status, headers, body }: Answer<object>): string[] {
  const { error = '(none)', error_description, request_id } = body
  const retryAfter = headers.get('Retry-After')
  const mayRetry = error === 'slow_down' || status === 503
  return failed(`${status} ${error}`, [
    [STATUSES[error]?.includes(status) ?? false, 'this code has another status'],
    [typeof error_description === 'string' && error_description !== '', 'no error_description'],
    [typeof request_id === 'string' && request_id !== '', 'no request_id'],
    [mayRetry ? Number(retryAfter) >= 1 : retryAfter === null, `Retry-After ${retryAfter}`],
    [headers.get('Cache-Control') === 'no-store', 'may be cached'],
    [error !== 'consent_required' || isReasonValid(body), `reason ${body.reason}`],
  ])
}

function isReasonValid({ reason, likely_cause, missing_scope }: Answer<object>['body']): boolean {
  const isCauseValid =
    reason === 'ended' ? CAUSES.includes(likely_cause ?? '') : likely_cause === undefined
  const isKnown = ['never_granted', 'partially_granted', 'ended'].includes(reason ?? '')
  return isKnown && isCauseValid && (missing_scope ?? '') !== ''
}

/** @returns what is wrong with the members and headers of an answer with a token */
export function faultsOfToken(
  { headers, body }: Answer<object>,
  mode: 'cookie' | 'oauth',
  bundle: string,
  scope: string,
): string[] {
  const { access_token, expires_in, refresh_token, ...rest } = body as Record<string, unknown>
  const expected =
    mode === 'cookie'
      ? { token_type: 'Bearer', scope, bundle }
      : { token_type: 'Bearer', scope: bundle, google_scope: scope }
  const isRight =
    Object.keys(rest).length === Object.keys(expected).length &&
    Object.entries(expected).every(([name, value]) => rest[name] === value)
  return failed('200', [
    [typeof access_token === 'string' && Number(expires_in) > 0, 'no token with a lifetime'],
    [isRight, `members ${JSON.stringify(rest)}`],
    [(refresh_token !== undefined) === (mode === 'oauth'), 'refresh_token'],
    [headers.get('Cache-Control') === 'no-store', 'may be cached'],
    [/total;dur=/.test(headers.get('Server-Timing') ?? ''), 'has no Server-Timing'],
  ])
}

/** @returns the texts of the checks that failed */
export function failed(prefix: string, checks: readonly [boolean, string][]): string[] {
  return checks.filter(([ok]) => !ok).map(([, what]) => `${prefix}: ${what}`)
}

/**
 * Searches a text for secrets and names.
 *
 * @returns the kind of the secret; `undefined` when there is none
 */
export function findSecret(
  google: FaultyGoogle,
  text: string,
  more: { names?: readonly string[]; issued_token?: string | undefined } = {},
): string | undefined {
  const { GOOGLE_CLIENT_SECRET, ENCRYPTION_KEYS, PSEUDONYM_KEY } = env
  const own = [GOOGLE_CLIENT_SECRET, ENCRYPTION_KEYS.split(':')[1] ?? '', PSEUDONYM_KEY]
  const isIn = (secret: string): boolean => text.includes(secret)
  if (own.some(isIn)) return 'a secret of the broker'
  if (isIn('canary')) return 'a foreign error text'
  if ([...google.secrets].some(isIn)) return 'a code or a token of Google'
  const tokens = [...google.issued.keys()].filter((token) => token !== more.issued_token)
  if (tokens.some(isIn)) return 'an access token'
  return more.names?.some(isIn) ? 'the name of a user or a scope' : undefined
}
