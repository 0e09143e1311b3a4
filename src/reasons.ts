/** Every reason for which the broker refuses a request or fails: its error code, and one fixed sentence (TMB-50). */

import type { ErrorCode } from './protocol/http.ts'

/**
 * The sentences, by error code and reason: what is wrong, and what to do about it. `{parameter}` stands for the
 * name of one. Printable ASCII without quotes and backslashes; RFC 6749 §5.2.
 */
export const SENTENCES = {
  invalid_request: {
    approval_of_other_browser:
      'Your browser sent no cookie of this page. It was opened in another browser, or cookies are blocked.',
    approval_unknown: 'This page is older than ten minutes. Go back to the app and try again.',
    assets_missing: 'The browser modules are missing. Deploy with [assets] of wrangler.toml.',
    authorization_response_invalid: 'This is no answer of Google to a request of this broker.',
    basic_shape:
      'HTTP Basic must hold the client id and an empty password: the clients here are public.',
    body_encoding: 'The body could not be read as UTF-8 text.',
    body_length: 'The body is too long. Send less at once.',
    body_shape: 'The JSON body has another form than this endpoint takes.',
    body_syntax: 'The body is not JSON.',
    bundle_shape: 'bundle must be text: the name of a bundle.',
    client_missing:
      'client is missing. Several clients use cookie mode: name the one that this page is.',
    client_mode_cookie: 'A client without redirect_uris uses cookie mode. Begin at /connect.',
    client_mode_oauth: 'This client has redirect_uris, so it uses OAuth mode. Begin at /authorize.',
    client_of_another_issuer: 'client_id is not the client that this JWT was issued for.',
    client_unknown: 'There is no client with this id. Correct the id, or add it to CLIENTS.',
    code_challenge_method:
      'code_challenge_method must be S256. Make the challenge as RFC 7636 has it.',
    code_challenge_shape:
      'code_challenge must be the SHA-256 of code_verifier in base64url, 43 characters.',
    code_verifier_shape: 'code_verifier must have 43 to 128 letters, digits or any of - . _ ~',
    consent_finished: 'This consent is finished already. Go back to the app.',
    content_type_form: 'Content-Type must be application/x-www-form-urlencoded.',
    content_type_json: 'Content-Type must be application/json.',
    content_type_event: 'Content-Type must be application/secevent+jwt.',
    cookie_missing:
      'Your browser sent no cookie of this consent. It began in another browser or more than ten minutes ago, or cookies are blocked.',
    custom_header_missing: 'The header X-Requested-With: photos-token-broker is missing. Add it.',
    display_unknown: 'display can only be popup. Leave it out for a whole page.',
    dpop_jkt_shape: 'dpop_jkt must be the SHA-256 thumbprint of a key in base64url, 43 characters.',
    event_audience: 'The aud of this security event is not the client id of this broker.',
    event_issuer: 'The iss of this security event is not the provider of this broker.',
    event_jti: 'This security event has no usable jti.',
    event_key: 'This security event is not signed with an RS256 key of the provider.',
    event_kind: 'This JWT is no security event token.',
    event_malformed: 'This is no JWT.',
    event_signature: 'The signature of this security event is wrong.',
    event_time: 'The iat of this security event is missing, in the future or too old.',
    exchange_parameter: '{parameter} is not supported at the token exchange. Leave it out.',
    flag_not_true: '{parameter} can only be true. Leave it out otherwise.',
    host_unknown: 'This broker answers only at the host of its BASE_URL.',
    https_required: 'This broker answers over https only. Call it with https.',
    iss_mismatch: 'The iss of this answer is not that of Google. Nothing was changed.',
    login_hint_length: 'login_hint has more than 255 characters.',
    media_gone:
      'Google does not have these bytes any more. A baseUrl ends after an hour: list the items again.',
    media_redirect_refused: 'The media host sent the request to another host, which is refused.',
    media_type: 'This is neither an image nor a video, or one that can hold links, such as SVG.',
    media_url_length: 'The URL of a media item can have at most 2048 characters.',
    media_url_not_allowed:
      'This is no https URL of a media host of Google. Send the baseUrl of an item with a size such as =w800.',
    member_unknown: 'The JSON body has a member that this endpoint does not know. Leave it out.',
    method_not_allowed: 'This path does not take this method. See the header Allow.',
    min_ttl_shape: 'min_ttl must be a whole number of seconds from 0 to 1800.',
    parameter_missing: '{parameter} is missing. Add it to the request.',
    parameter_repeated: '{parameter} is sent more than once. Send it once.',
    path_unknown: 'There is nothing at this path.',
    prefetch: 'A consent cannot be finished by a page that is loaded in advance. Open the link.',
    prompt_not_select_account: 'prompt can only be select_account here. Leave it out otherwise.',
    prompt_unknown: 'prompt can only be none, login, consent or select_account.',
    provider_sends_no_events: 'The provider of this broker sends no security events.',
    redirect_uri_unknown:
      'redirect_uri is not registered for this client. Add it to its redirect_uris in CLIENTS, exactly as it is sent.',
    rejected_shape: 'rejected must be the SHA-256 of an access token in base64url, 43 characters.',
    request_not_pushed:
      'The users of this client have a JWT. Push the request to /par with that JWT, and send its request_uri.',
    request_object: 'request is not supported. Send plain parameters, or push them to /par.',
    request_uri_pushed: 'A pushed request cannot hold a request_uri. Leave it out.',
    request_uri_unknown:
      'request_uri is unknown, of another client or older than a minute. Push again.',
    request_uri_used: 'request_uri was used before, and works once. Push the request again.',
    requested_token_type:
      'requested_token_type can only be urn:ietf:params:oauth:token-type:access_token.',
    response_mode_unknown: 'response_mode can only be query, fragment or web_message.',
    return_to_malformed:
      'return_to must be a path that begins with one slash, or a full URL, without a fragment and of at most 1024 characters.',
    return_to_origin:
      'The origin of return_to is not one of this client. Add it to its origins in CLIENTS, or return elsewhere.',
    scope_not_choosable: 'scope cannot be chosen. Send bundle with the name of a bundle.',
    state_mismatch: 'The state of this answer is not that of its request. Begin again in the app.',
    state_shape: 'state must be printable ASCII of at most 512 characters.',
    state_unknown:
      'This consent began in another browser or more than ten minutes ago, or it is finished already.',
    state_used: 'This consent is finished already. Go back to the app.',
    subject_token_type: 'subject_token_type must be urn:ietf:params:oauth:token-type:jwt.',
    ticket_invalid: 'This media address is wrong, or older than 15 minutes. Get a new one.',
    two_credentials:
      'The request has a session cookie and an Authorization header. Send one of them.',
    url_length: 'The URL has more than 8192 characters. Send a shorter one.',
    urls_shape: 'urls must hold 1 to 100 texts.',
  },
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
    unexpected: 'The broker failed. Its log has the reason, under the request_id.',
  },
} as const satisfies Record<ErrorCode, Readonly<Record<string, string>>>

/** Why a request was refused or failed: a fixed word, for the log, and for the sentence of the answer. */
export type Reason = { [C in ErrorCode]: keyof (typeof SENTENCES)[C] }[ErrorCode]
