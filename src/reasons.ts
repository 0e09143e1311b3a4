/** Every reason for which the broker refuses a request or fails: its error code, and one fixed sentence (TMB-50). */

import { INVALID_REQUEST } from './invalid-request.ts'
import type { ErrorCode } from './protocol/http.ts'

/**
 * The sentences, by error code and reason: what is wrong, and what to do about it. `{parameter}` stands for the
 * name of one. Printable ASCII without quotes and backslashes; RFC 6749 §5.2.
 */
export const SENTENCES = {
  invalid_request: INVALID_REQUEST,
  invalid_scope: {
    bundle_unknown: 'There is no bundle of this name. GET /bundles lists the names.',
    scope_missing: 'scope is missing. Send the name of one bundle.',
    scope_of_several:
      'scope names more than one bundle. Send one; a bundle can hold several scopes.',
  },
  unsupported_grant_type: {
    grant_type_unknown:
      'grant_type can only be authorization_code, refresh_token or urn:ietf:params:oauth:grant-type:token-exchange.',
  },
  unsupported_response_type: { response_type_unknown: 'response_type can only be code.' },
  invalid_grant: {
    code_unknown: 'The code is unknown, of another client or older than a minute. Connect again.',
    code_unreadable: 'What this code stands for cannot be read any more. Connect again.',
    code_used: 'The code was redeemed before. Its session has ended: connect again.',
    dpop_key_mismatch: 'The code is bound to another key than that of the DPoP proof.',
    grant_ended_meanwhile: 'The consent ended before its code was redeemed. Connect again.',
    other_client: 'This token belongs to another client.',
    pkce_mismatch: 'code_verifier does not fit the code_challenge of the request.',
    redirect_uri_mismatch: 'redirect_uri is not the one that the code was asked for with.',
    refresh_token_ended: 'The session of this refresh token has ended. Connect again.',
    refresh_token_invalid:
      'The refresh token is unknown or expired, or is bound to another key than that of the DPoP proof.',
  },
  invalid_dpop_proof: {
    dpop_ath: 'The ath of the DPoP proof is not the SHA-256 of the access token.',
    dpop_htm: 'The htm of the DPoP proof is not the method of this request.',
    dpop_htu: 'The htu of the DPoP proof is not the URL of this request.',
    dpop_iat:
      'The iat of the DPoP proof is not the time of now. Set the clock, or take the time of the header Date.',
    dpop_jkt_mismatch: 'The DPoP proof was made with another key than that of dpop_jkt.',
    dpop_jti: 'The jti of the DPoP proof is missing or longer than 256 characters.',
    dpop_jwk: 'The key of the DPoP proof must be a P-256 key.',
    dpop_length: 'The DPoP proof has more than 4096 characters.',
    dpop_missing:
      'The header DPoP is missing. Send a proof with the key of this session (RFC 9449).',
    dpop_replayed: 'The DPoP proof was used before. Make a new one for each request.',
    dpop_signature: 'The DPoP proof is no JWT of type dpop+jwt with a right ES256 signature.',
  },
  use_dpop_nonce: {
    dpop_nonce: 'The DPoP proof needs a nonce. Send it again with that of the header DPoP-Nonce.',
  },
  login_required: {
    jwt_audience: 'The aud of the JWT is missing, or is no audience of a client with this issuer.',
    jwt_bound: 'The JWT is bound to a key. Send it with the scheme DPoP and a proof of that key.',
    jwt_bound_to_another_key:
      'The JWT is bound to another key than that of the DPoP proof, or to none.',
    jwt_expired: 'The JWT has expired. Get a new one from its issuer.',
    jwt_foreign_claim:
      'The JWT has a claim of an ID token or a security event, such as nonce or at_hash. Send a JWT that is meant for this broker.',
    jwt_issuer: 'The iss of the JWT is no issuer of a client in CLIENTS.',
    jwt_key_header: 'The JWT brings a key in its header, which is refused.',
    jwt_lifetime: 'The JWT lives longer than 24 hours. Have its issuer make shorter ones.',
    jwt_malformed: 'This is no JWT of at most 8192 characters.',
    jwt_missing: 'The request needs the JWT of a user, in Authorization: Bearer.',
    jwt_signature:
      'The JWT is not signed with a key of its issuer, or not with one of the algorithms in CLIENTS.',
    jwt_sub: 'The sub of the JWT is missing, empty or longer than 255 characters.',
    jwt_time: 'The iat or exp of the JWT is missing or not a time, or iat is in the future.',
    jwt_type: 'The typ of the JWT must be JWT or at+jwt.',
    no_session: 'There is no session. Send the user to connect_url.',
    no_token:
      'The request needs Authorization: DPoP with a token of the broker, or Bearer with a JWT of a user.',
    session_ended: 'The session has ended. Connect again.',
    ticket_closed: 'The session or the consent that this media address came from has ended.',
    token_invalid:
      'The token is unknown or expired, or is bound to another key. Get a new one with scope=broker.',
  },
  consent_required: {
    ended: 'The consent to this bundle has ended. Send the user to connect it again.',
    google_invalid_grant: 'Google does not accept the refresh token any more. Connect again.',
    never_granted: 'The user has not consented to this bundle. Send the user to connect it.',
    partially_granted:
      'The user left a box unticked at Google. Ask again, and say that the boxes are needed.',
  },
  interaction_required: { prompt_none: 'A consent needs the user. Ask without prompt=none.' },
  account_mismatch: {
    other_account:
      'The user chose another Google account than before. Log out or disconnect to change it.',
  },
  access_denied: {
    bundle_not_allowed: 'This client may not have this bundle. Add it to its bundles in CLIENTS.',
    code_of_another_user:
      'The user of this JWT did not begin this consent. The code is void: connect again.',
    consent_too_late: 'The user logged out or disconnected before the consent ended.',
    not_a_navigation: 'A consent begins in a whole page or popup, not in a frame or by a script.',
    origin_missing: 'The header Origin is missing. Call from a script of a page.',
    origin_of_other_client:
      'This origin is not one of this client. Add it to its origins in CLIENTS.',
    origin_of_other_mode:
      'The client of this origin is of the other mode: with redirect_uris it uses OAuth mode, without them cookie mode.',
    origin_unknown: 'No client has this origin. Add it to the origins of a client in CLIENTS.',
    sent_by_no_script: 'This call is only for fetch from a page on the same site as the broker.',
    user_denied: 'The user refused.',
  },
  slow_down: {
    callback_limit: 'Too many consents come back from this address. Try again after Retry-After.',
    forced_too_often:
      'Too many new access tokens were forced with rejected. Try again after Retry-After.',
    hand_out_limit:
      'This user asks too often for this bundle. Keep the token, and try again after Retry-After.',
    media_limit: 'This media address is opened too often. Try again after Retry-After.',
    media_host_limit: 'Google gets too many requests for media. Try again after Retry-After.',
    start_limit: 'Too many consents begin at this address. Try again after Retry-After.',
  },
  temporarily_unavailable: {
    answer_too_long: 'Google answered more than expected. Try again after Retry-After.',
    backing_off: 'Google could not be asked a moment ago. Try again after Retry-After.',
    configuration_faulty: 'The broker is not configured right. Its log names each fault.',
    google_unavailable: 'Google cannot answer now. Nothing was lost: try again after Retry-After.',
    google_unexpected_answer: 'Google answered something unexpected. Try again after Retry-After.',
    google_unreachable: 'Google cannot be reached. Nothing was lost: try again after Retry-After.',
    grant_keeps_changing: 'The consent changes right now. Try again after Retry-After.',
    jwks_not_https:
      'The keys of an issuer are not at an https address. The operator has to correct it.',
    jwks_unavailable: 'The keys of the issuer cannot be fetched. Try again after Retry-After.',
    jwks_unexpected_answer:
      'The issuer does not answer with a set of keys. Try again after Retry-After.',
    kv_refuses:
      'It has ended here, but Workers KV has not taken that yet: some locations may serve it until its access token ends. Repeat the call after Retry-After, until it answers 204.',
    media_host_refuses: 'The media host of Google does not answer. Try again after Retry-After.',
    media_processing:
      'Google has no film of this item yet, which may still be processed: see its processingStatus. Try again after Retry-After.',
    media_not_reached: 'The media host of Google cannot be reached. Try again after Retry-After.',
    one_time_use_unreachable:
      'The storage of the broker does not answer. Try again after Retry-After.',
    stopped: 'The operator has stopped this client or bundle. Try again later.',
    subject_index_unreachable:
      'The storage of the broker does not answer. Try again after Retry-After.',
    subject_unreachable: 'The storage of the broker does not answer. Try again after Retry-After.',
    token_expired: 'Google issued a token that is over already. Try again after Retry-After.',
  },
  server_error: {
    bundle_unavailable:
      'Google gives other scopes than those of this bundle. The operator has to look at it.',
    google_failed: 'Google answered an error. The log of the broker has the request_id.',
    google_invalid_scope: 'Google refuses a scope of this bundle. The operator has to mend it.',
    google_issues_no_refresh_token: 'Google issued no refresh token, also when asked again.',
    google_refuses_client:
      'Google refuses the OAuth client of this broker. The operator has to mend it; trying again does not help.',
    google_refuses_code: 'Google did not accept its own code. Connect again.',
    id_token_invalid: 'The ID token of Google is not valid, and was refused. Connect again.',
    session_missing: 'The broker failed to begin a session. Its log has the request_id.',
    stored_by_later_version:
      'A later version of this broker wrote what is stored. Nothing was changed: the operator has to deploy that version again.',
    unexpected: 'The broker failed. Its log has the reason, under the request_id.',
  },
} as const satisfies Record<ErrorCode, Readonly<Record<string, string>>>

/** Why a request was refused or failed: a fixed word, for the log, and for the sentence of the answer. */
export type Reason = { [C in ErrorCode]: keyof (typeof SENTENCES)[C] }[ErrorCode]
