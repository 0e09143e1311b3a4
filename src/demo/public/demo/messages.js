/** Messages for people: what an error means, and what to do about it. */

import { BrokerError } from 'photos-token-broker'
import { PhotosError } from 'photos-token-broker/photos'

/** @import { BrokerErrorCode } from 'photos-token-broker' */
/** @import { ConnectError, ConsentRequired, LikelyCause } from '../../../protocol/http.ts' */

/**
 * @typedef {object} Message
 * @property {string} what a sentence: what happened
 * @property {string} [todo] a sentence: what to do now
 * @property {string} [detail] codes for developers
 */

/** Errors that come back from a consent. @type {Partial<Record<ConnectError, Message>>} */
const CONSENT_ERRORS = {
  access_denied: {
    what: 'You said no at Google, so nothing was connected.',
    todo: 'If you change your mind, connect again.',
  },
  consent_required: {
    what: 'You left a box unticked at Google that this bundle needs.',
    todo: 'The bundle below says which one. Connect again and tick it.',
  },
}

/** Errors that only a new consent can fix. */
const OUT_OF_STEP = {
  what: 'The broker did not accept a request of this page.',
  todo: 'Reload the page and connect again. A wrong clock on this device can also be the cause.',
}

/** @type {Record<BrokerErrorCode, Message>} */
const ERRORS = {
  popup_closed: {
    what: 'The window of Google was closed before anything was decided.',
    todo: 'Connect again if you like.',
  },
  popup_blocked: {
    what: 'Your browser did not let this page open a window.',
    todo: 'Allow windows for this page, then try again.',
  },
  storage_unavailable: {
    what: 'Your browser does not let this page store anything.',
    todo: 'Allow site data for this page, then try again.',
  },
  no_page: OUT_OF_STEP,
  account_mismatch: {
    what: 'That was another Google account than the one you are connected with. Nothing was changed.',
    todo: 'Connect again with the same account, or sign out first to switch.',
  },
  invalid_grant: {
    what: 'Your session has ended.',
    todo: 'Connect a bundle to start a new one.',
  },
  invalid_dpop_proof: OUT_OF_STEP,
  use_dpop_nonce: OUT_OF_STEP,
  unsupported_grant_type: OUT_OF_STEP,
  unsupported_response_type: OUT_OF_STEP,
  interaction_required: OUT_OF_STEP,
  invalid_request: {
    what: 'The broker did not understand this page.',
    todo: 'Reload the page. It may be older than the broker.',
  },
  invalid_scope: {
    what: 'The broker has no bundle of that name any more.',
    todo: 'Reload the page to see the bundles there are.',
  },
  login_required: {
    what: 'You are not connected, or your session has ended.',
    todo: 'Connect a bundle to start a new one.',
  },
  consent_required: {
    what: 'This bundle needs your consent at Google first.',
    todo: 'Connect it to go on.',
  },
  access_denied: {
    what: 'The broker does not allow this page to use that bundle.',
    todo: 'The operator sets in CLIENTS which origin may use which bundles.',
  },
  slow_down: { what: 'Too many requests in a short time.', todo: 'Wait, then try again.' },
  temporarily_unavailable: {
    what: 'Google or the broker cannot answer just now. Nothing was lost.',
    todo: 'Try again in a moment.',
  },
  server_error: {
    what: 'Something went wrong in the broker.',
    todo: 'Try again. If it fails again, look up the request in the log of the broker.',
  },
}

/** What the developer of an app can do, by Google's status. @type {Record<string, string>} */
const TODO_AT_GOOGLE = {
  PERMISSION_DENIED: 'The operator has to add a scope to the bundle: npm run scopes shows which.',
  SERVICE_DISABLED: 'The operator has to enable the API in the Google Cloud project.',
}

/** @type {Record<LikelyCause, string>} */
const LIKELY_CAUSES = {
  revoked_by_user: 'most likely you took it back, here or in your Google account',
  testing_mode_7_days:
    'most likely because the Google Cloud project is in testing, where consent lasts seven days',
  unused_6_months: 'most likely because it was not used for six months',
  time_limited_access: 'the time you allowed at Google is over',
  too_many_grants: 'most likely because Google keeps a hundred grants and this was the oldest',
  client_changed: 'the broker now uses another client at Google',
  unknown: 'Google does not say why',
}

/** @type {Record<string, string>} */
const SCOPES = {
  'photospicker.mediaitems.readonly': 'see the photos you pick',
  'photoslibrary.appendonly': 'add photos and albums to your library',
  'photoslibrary.readonly.appcreateddata': 'see the photos and albums this app added',
  'photoslibrary.edit.appcreateddata': 'change the photos and albums this app added',
}

/** @type {[method: RegExp, what: string][]} */
const METHODS = [
  [/^picker\.sessions\.create$/, 'open Google’s photo picker for you'],
  [/^picker\.mediaItems\.list$/, 'see the photos and videos you pick there, and no others'],
  [/^library\.mediaItems\.batchCreate$/, 'add photos and videos to your library'],
  [/^library\.albums\.create$/, 'create albums and fill them'],
  [
    /^library\.(mediaItems|albums)\.(get|list|search)$/,
    'see the photos and albums it added itself',
  ],
  [/^library\.(mediaItems|albums)\.patch$/, 'rename what it added itself'],
  [/^library\.albums\.batchRemoveMediaItems$/, 'take photos out of its own albums'],
]

/** Describes an error of any kind. @param {unknown} error @returns {Message} */
export function describeError(error) {
  if (error instanceof BrokerError) return describeBrokerError(error)
  if (error instanceof PhotosError) return describePhotosError(error)
  if (error instanceof DOMException && error.name === 'AbortError') return { what: 'Stopped.' }
  return {
    what: 'A server did not answer.',
    todo: 'Check that npm start is still running, then try again.',
  }
}

/** Describes why a bundle needs consent. @param {ConsentRequired} why @returns {string} */
export function describeConsentRequired({ reason, missing_scope, likely_cause = 'unknown' }) {
  if (reason === 'never_granted') return 'You have not allowed this yet.'
  if (reason === 'ended') return `Access has ended: ${LIKELY_CAUSES[likely_cause]}.`
  return `Left unticked at Google: ${missing_scope.split(' ').map(describeScope).join(', and ')}.`
}

/** Describes what API methods do, for people. @param {readonly string[]} methods @returns {string[]} */
export function describeMethods(methods) {
  return METHODS.filter(([pattern]) => methods.some((method) => pattern.test(method))).map(
    ([, what]) => what,
  )
}

/** @param {string} scope */
function describeScope(scope) {
  const short = scope.replace('https://www.googleapis.com/auth/', '')
  return SCOPES[short] ?? short
}

/** @param {BrokerError} error */
function describeBrokerError(error) {
  const { code, request_id } = error
  const consent = request_id ? undefined : CONSENT_ERRORS[/** @type {ConnectError} */ (code)]
  const { what, todo = '' } = consent ?? ERRORS[code] ?? ERRORS.server_error
  const isKnown = code === 'consent_required' && error.missing_scope !== ''
  const why = isKnown ? ` ${describeConsentRequired(error)}` : ''
  const retry_after = 'retry_after' in error ? error.retry_after : undefined
  const wait = retry_after ? ` The broker asks to wait ${retry_after} s.` : ''
  const detail = request_id ? `${code}, request ${request_id}` : code
  return { what: what + why, todo: todo + wait, detail }
}

/** @param {PhotosError} error */
function describePhotosError({ http, status, message }) {
  const detail = http === 0 ? status : `Google answered ${http} ${status}`
  return { what: message, todo: TODO_AT_GOOGLE[status] ?? '', detail }
}
