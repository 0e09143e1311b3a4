/** This file is the wire contract: what the broker answers, for its routes, its SDK and its readers. */

/** Every `error` the broker answers with; registered OAuth and OpenID codes wherever one exists. */
export type ErrorCode =
  | 'invalid_request' // RFC 6749 §5.2
  | 'invalid_scope' // RFC 6749 §5.2: no such bundle
  | 'unsupported_grant_type' // RFC 6749 §5.2
  | 'unsupported_response_type' // RFC 6749 §4.1.2.1
  | 'invalid_grant' // RFC 6749 §5.2: the code or the refresh token is not good, or no longer
  | 'invalid_dpop_proof' // RFC 9449 §5
  | 'use_dpop_nonce' // RFC 9449 §8: once more, with the nonce of this answer
  | 'login_required' // OpenID Connect Core §3.1.2.6: no session, or an ended one
  | 'consent_required' // OpenID Connect Core §3.1.2.6: no grant, an ended or a partial one
  | 'access_denied' // RFC 6749 §4.1.2.1: the user said no, or origin, client or bundle is not allowed
  | 'slow_down' // RFC 8628 §3.5: too many requests
  | 'temporarily_unavailable' // RFC 6749 §4.1.2.1: Google or storage cannot answer now
  | 'server_error' // RFC 6749 §4.1.2.1: our fault

/** Why there is no grant to serve a bundle from. */
export type ConsentReason = 'never_granted' | 'partially_granted' | 'ended'

/** What most likely ended a grant, inferred from its age, its idle time and its history; a guess, for a hint on screen. */
export type LikelyCause =
  | 'revoked_by_user'
  | 'testing_mode_7_days'
  | 'unused_6_months'
  | 'time_limited_access'
  | 'too_many_grants'
  | 'unknown'

/** The members that come with `consent_required`, in an error and in `GET /session`. */
export interface ConsentRequired {
  reason: ConsentReason
  /** What consent has to be given for, space-separated; RFC 6749 §3.3. */
  missing_scope: string
  /** With `reason: 'ended'` only. */
  likely_cause?: LikelyCause
}

/** The body of every failed request; RFC 6749 §5.2. */
export interface ErrorResponse extends Partial<ConsentRequired> {
  error: ErrorCode
  error_description: string
  /** Names this request in the operator's log. */
  request_id: string
  /** Where a top-level navigation mends `login_required` and `consent_required`. */
  connect_url?: string
  bundle?: string
  /** At `/events`, why a security event token was refused; RFC 8935 §2.4. */
  err?: SecurityEventError
  description?: string
}

/** Why a security event token was refused; RFC 8935 §2.4. */
export type SecurityEventError =
  | 'invalid_request'
  | 'invalid_key'
  | 'invalid_issuer'
  | 'invalid_audience'
  | 'authentication_failed'

/** The body of `POST /session/token`; RFC 6749 §5.1. */
export interface TokenResponse {
  access_token: string
  token_type: 'Bearer'
  /** Seconds of life left, understated. */
  expires_in: number
  /** Exactly the bundle's scopes, space-separated. */
  scope: string
  bundle: string
}

/** The body of `POST /token`; RFC 6749 §5.1. */
export interface OAuthTokenResponse {
  /** Google's; with the scope `broker` the broker's own. */
  access_token: string
  token_type: 'Bearer' | 'DPoP'
  /** Seconds of life left, understated. */
  expires_in: number
  /** The name of the bundle, or `broker`. */
  scope: string
  /** The broker's own, good only with the key it was issued to. Absent for users with a JWT of their app. */
  refresh_token?: string
  /** What Google's token is good for: exactly the bundle's scopes, space-separated. */
  google_scope?: string
  /** With a token exchange; RFC 8693 §2.2.1. */
  issued_token_type?: string
}

/** The body of `POST /par`; RFC 9126 §2.2. */
export interface PushedResponse {
  request_uri: string
  /** Seconds. */
  expires_in: number
}

/** What `GET /session` says of one bundle. */
export type BundleStatus =
  | { status: 'ready'; scope: string; granted_at: number }
  | ({ status: 'consent_required' } & ConsentRequired & { bundle: string; connect_url: string })
  | { status: 'unavailable' }

/** The body of `GET /session`. */
export interface SessionResponse {
  sub: string
  client: string
  bundles: Record<string, BundleStatus>
}

/** The body of `GET /bundles`. */
export interface BundlesResponse {
  bundles: {
    name: string
    scopes: readonly string[]
    reason: string
    apis: readonly string[]
    /** The API methods this bundle allows. */
    methods: readonly string[]
  }[]
}

/** The body of `POST /media`. */
export interface MediaResponse {
  /** In the order of the URLs that were asked for. */
  media: {
    /** Where the bytes are, for `<img>`, `<video>` and `fetch`. Whoever has it can read them. */
    url: string
    /** Seconds. */
    expires_in: number
  }[]
}

/** The query that `/connect` adds to `return_to`, and what its popup posts to its opener. */
export interface ConnectResult {
  connect: 'ok' | 'error'
  bundle: string
  error?: ConnectError
}

/** Why connecting failed, as far as a frontend can act on it. */
export type ConnectError =
  | 'access_denied'
  | 'consent_required'
  | 'account_mismatch'
  | 'temporarily_unavailable'
  | 'server_error'

/** The `error` of an authorization response: RFC 6749 §4.1.2.1, and what only a consent can die of. */
export type AuthorizationError =
  | ConnectError
  | 'invalid_request'
  | 'invalid_scope'
  | 'unsupported_response_type'
