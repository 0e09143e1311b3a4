/** The sentences of `invalid_request`, by reason; see `reasons.ts`. */

/** What can be wrong with a request itself, and what to do about it. */
export const INVALID_REQUEST = {
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
} as const
