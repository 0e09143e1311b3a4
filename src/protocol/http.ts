/** The HTTP protocol of the broker: its error codes and response bodies, for the routes and the SDK. */

/** Every `error` of the broker; a registered code of OAuth or OpenID Connect wherever there is one. */
export type ErrorCode =
  | 'invalid_request' // RFC 6749 §5.2
  | 'invalid_scope' // RFC 6749 §5.2: no such bundle
  | 'unsupported_grant_type' // RFC 6749 §5.2
  | 'unsupported_response_type' // RFC 6749 §4.1.2.1
  | 'invalid_grant' // RFC 6749 §5.2: the code or the refresh token is invalid, or not valid any more
  | 'invalid_dpop_proof' // RFC 9449 §5
  | 'use_dpop_nonce' // RFC 9449 §8: send it again, with the nonce of this response
  | 'login_required' // OpenID Connect Core §3.1.2.6: no session, or an ended one
  | 'consent_required' // OpenID Connect Core §3.1.2.6: no grant, an ended or a partial one
  | 'interaction_required' // OpenID Connect Core §3.1.2.6: `prompt=none`, and the user has to be asked
  | 'account_mismatch' // the user chose another Google account than before
  | 'access_denied' // RFC 6749 §4.1.2.1: the user refused, or origin, client or bundle is not allowed
  | 'slow_down' // RFC 8628 §3.5: too many requests
  | 'temporarily_unavailable' // RFC 6749 §4.1.2.1: Google or storage cannot answer now
  | 'server_error' // RFC 6749 §4.1.2.1: a fault of the broker

/** Why there is no grant for a bundle. */
export type ConsentReason = 'never_granted' | 'partially_granted' | 'ended'

/** What most likely ended a grant: a guess from its age, its last use and its history, to be shown as a hint. */
export type LikelyCause =
  | 'revoked_by_user'
  | 'testing_mode_7_days'
  | 'unused_6_months'
  | 'time_limited_access'
  | 'too_many_grants'
  | 'client_changed'
  | 'unknown'

/** The members that come with `consent_required`, in an error and in `GET /session`. */
export interface ConsentRequired {
  reason: ConsentReason
  /** The scopes that need consent, space-separated; RFC 6749 §3.3. */
  missing_scope: string
  /** With `reason: 'ended'` only. */
  likely_cause?: LikelyCause
}

/** The body of every failed request; RFC 6749 §5.2. */
export interface ErrorResponse extends Partial<ConsentRequired> {
  error: ErrorCode
  error_description: string
  /** The id of this request in the operator's log. */
  request_id: string
  /** Where to navigate after `login_required` and `consent_required`. */
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
  /** Remaining lifetime in seconds, rounded down. */
  expires_in: number
  /** Exactly the bundle's scopes, space-separated. */
  scope: string
  bundle: string
}

/** The body of `POST /token`; RFC 6749 §5.1. */
export interface OAuthTokenResponse {
  /** Google's access token; with the scope `broker`, the broker's own. */
  access_token: string
  token_type: 'Bearer' | 'DPoP'
  /** Remaining lifetime in seconds, rounded down. */
  expires_in: number
  /** The name of the bundle, or `broker`. */
  scope: string
  /** The broker's own, valid only with the DPoP key it was issued to. Absent for users with a JWT of their app. */
  refresh_token?: string
  /** The scopes of Google's access token: exactly those of the bundle, space-separated. */
  google_scope?: string
  /** Only after a token exchange; RFC 8693 §2.2.1. */
  issued_token_type?: string
}

/** The body of `POST /par`; RFC 9126 §2.2. */
export interface PushedResponse {
  request_uri: string
  /** Lifetime in seconds. */
  expires_in: number
}

/** The status of one bundle in `GET /session`. */
export type BundleStatus =
  | { status: 'ready'; scope: string; granted_at: number }
  | ({ status: 'consent_required' } & ConsentRequired & { bundle: string; connect_url?: string })
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
  /** Where the Photos APIs are, without a version; only of a broker that uses a simulator on its own machine. */
  photos_apis?: { picker: string; library: string }
}

/** The body of `POST /media`. */
export interface MediaResponse {
  /** In the order of the requested URLs. */
  media: (MediaAddress | MediaRefusal)[]
}

/** The address of a media item. */
export interface MediaAddress {
  /** URL of the bytes, for `<img>`, `<video>` and `fetch`. Everyone who has this URL can read them. */
  url: string
  /** Lifetime in seconds. */
  expires_in: number
  error?: never
}

/** In the place of a URL that is refused. */
export interface MediaRefusal extends Pick<ErrorResponse, 'error' | 'error_description'> {
  url?: never
  expires_in?: never
}

/** The query that `/connect` adds to `return_to`, and the message of its popup to its opener. */
export interface ConnectResult {
  connect: 'ok' | 'error'
  bundle: string
  error?: ConnectError
}

/** Why a connect failed, as far as a frontend can react. */
export type ConnectError =
  | 'access_denied'
  | 'consent_required'
  | 'account_mismatch'
  | 'temporarily_unavailable'
  | 'server_error'

/** The `error` of an authorization response: RFC 6749 §4.1.2.1, and the errors of a connect. */
export type AuthorizationError =
  | ConnectError
  | 'interaction_required'
  | 'invalid_request'
  | 'invalid_scope'
  | 'unsupported_response_type'
