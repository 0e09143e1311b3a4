/** This file is the contract's table of answers (design.md §3.5) as data, and the check that an answer is one of them. */

import type { Answer } from '../support/broker.ts'

/** Each code with its statuses and the members it has beside those that all have. */
const CODES: Record<string, { status: number[]; members?: string[]; optional?: string[] }> = {
  invalid_request: { status: [400] },
  invalid_scope: { status: [400] },
  invalid_grant: { status: [400] },
  invalid_dpop_proof: { status: [400, 401] },
  use_dpop_nonce: { status: [400, 401] },
  login_required: { status: [401], optional: ['connect_url'] },
  consent_required: {
    status: [403],
    members: ['bundle', 'connect_url', 'missing_scope', 'reason'],
    optional: ['likely_cause'],
  },
  access_denied: { status: [403] },
  slow_down: { status: [429] },
  temporarily_unavailable: { status: [503] },
  server_error: { status: [500] },
}

const REASONS = ['never_granted', 'partially_granted', 'ended']
const CAUSES = [
  ...['revoked_by_user', 'testing_mode_7_days', 'unused_6_months', 'time_limited_access'],
  ...['too_many_grants', 'unknown'],
]

/** Says what is wrong with an error answer; nothing when the contract has it. */
export function faultsOfError({ status, headers, body }: Answer<object>): string[] {
  const { error = '(none)', error_description, request_id, ...rest } = body
  const row = CODES[error]
  if (!row) return [`${status} ${error} is no answer of the contract`]
  const names = Object.keys(rest)
  const { members = [], optional = [] } = row
  const faults: [boolean, string][] = [
    [row.status.includes(status), `status ${status}`],
    [typeof error_description === 'string' && error_description !== '', 'no error_description'],
    [typeof request_id === 'string' && request_id !== '', 'no request_id'],
    [members.every((name) => names.includes(name)), `lacks one of ${members}`],
    [names.every((name) => [...members, ...optional].includes(name)), `has one of ${names}`],
    [(error === 'slow_down' || status === 503) === headers.has('Retry-After'), 'Retry-After'],
    [Number(headers.get('Retry-After') ?? 1) >= 1, `Retry-After ${headers.get('Retry-After')}`],
    [headers.get('Cache-Control') === 'no-store', 'may be cached'],
    [error !== 'consent_required' || isToldWell(body), `reason ${body.reason}`],
  ]
  return faults.filter(([isWell]) => !isWell).map(([, what]) => `${status} ${error}: ${what}`)
}

function isToldWell({ reason, likely_cause, missing_scope }: Answer<object>['body']): boolean {
  const hasCause = likely_cause !== undefined && CAUSES.includes(likely_cause)
  const isCauseRight = reason === 'ended' ? hasCause : likely_cause === undefined
  return REASONS.includes(reason ?? '') && isCauseRight && (missing_scope ?? '') !== ''
}

/** Says what is wrong with an answer that holds a token; the rest is for the invariants. */
export function faultsOfToken(
  { headers, body }: Answer<object>,
  mode: 'cookie' | 'oauth',
  bundle: string,
  scope: string,
): string[] {
  const answer = body as Record<string, unknown>
  const names = Object.keys(answer).sort().join(' ')
  const right =
    mode === 'cookie'
      ? ['access_token bundle expires_in scope token_type', scope, answer['bundle'] === bundle]
      : [
          'access_token expires_in google_scope refresh_token scope token_type',
          bundle,
          answer['google_scope'] === scope,
        ]
  const faults: [boolean, string][] = [
    [names === right[0], `members ${names}`],
    [answer['scope'] === right[1] && right[2] === true, 'names another bundle or scope'],
    [answer['token_type'] === 'Bearer', 'is no Bearer token'],
    [headers.get('Cache-Control') === 'no-store', 'may be cached'],
    [/total;dur=/.test(headers.get('Server-Timing') ?? ''), 'has no Server-Timing'],
  ]
  return faults.filter(([isWell]) => !isWell).map(([, what]) => `200: ${what}`)
}
