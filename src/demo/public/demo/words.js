/** This file is what people read: a sentence for each code of the broker, and what to do about it. */

import { BrokerError } from './errors.js'
import { GoogleError } from './google.js'

/** @import { ConnectError, ConsentRequired, ErrorCode, LikelyCause } from '../../../protocol.ts' */

/**
 * @typedef {object} Words
 * @property {string} what a sentence: what happened
 * @property {string} [todo] a sentence: what to do now
 * @property {string} [connect_url] where a consent mends it
 * @property {string} [detail] for whoever looks into it: codes, not sentences
 */

/** @type {Record<ConnectError, Words>} */
const CONNECT_ERRORS = {
  access_denied: {
    what: 'You said no at Google, so nothing was connected.',
    todo: 'If you change your mind, connect again.',
  },
  consent_required: {
    what: 'A box this bundle needs was left unticked at Google.',
    todo: 'The bundle below says which one. Connect again and tick it.',
  },
  account_mismatch: {
    what: 'That was another Google account than the one you are logged in with. Nothing was changed.',
    todo: 'Connect again with the same account, or log out first to switch.',
  },
  temporarily_unavailable: {
    what: 'Google could not be reached just now. Nothing was lost.',
    todo: 'Try again in a moment.',
  },
  server_error: {
    what: 'The broker could not finish this.',
    todo: 'Try again; if it stays, the log of the broker says why.',
  },
}

/** What a person can do nothing about but begin anew. */
const BEGIN_ANEW = {
  what: 'The broker and this page lost track of each other.',
  todo: 'Reload the page and connect again; a clock that is far off can be the cause, too.',
}

/** @type {Record<ErrorCode, Words>} */
const ERRORS = {
  invalid_grant: {
    what: 'Your session has ended.',
    todo: 'Connect a bundle to begin a new one.',
  },
  invalid_dpop_proof: BEGIN_ANEW,
  use_dpop_nonce: BEGIN_ANEW,
  unsupported_grant_type: BEGIN_ANEW,
  unsupported_response_type: BEGIN_ANEW,
  invalid_request: {
    what: 'The broker did not understand this page.',
    todo: 'Reload the page; it may be older than the broker.',
  },
  invalid_scope: {
    what: 'The broker has no bundle of that name any more.',
    todo: 'Reload the page to see the bundles there are.',
  },
  login_required: {
    what: 'You are not logged in, or your session has ended.',
    todo: 'Connect a bundle to begin a new one.',
  },
  consent_required: {
    what: 'This bundle needs your consent at Google first.',
    todo: 'Connect it to go on.',
  },
  access_denied: {
    what: 'The broker does not let this page have that.',
    todo: 'The operator says in CLIENTS which origin may have which bundles.',
  },
  slow_down: { what: 'That was too often in a short time.', todo: 'Wait, then try again.' },
  temporarily_unavailable: {
    what: 'Google or the storage cannot answer just now. Nothing was lost.',
    todo: 'Try again in a moment.',
  },
  server_error: {
    what: 'Something went wrong in the broker.',
    todo: 'Try again; if it stays, the log of the broker says why.',
  },
}

/** @type {Record<number, Words>} */
const GOOGLE_ERRORS = {
  401: {
    what: 'Google refused the token, and a fresh one too.',
    todo: 'The app may have been removed from your account: reload the page to see.',
  },
  403: {
    what: 'Google says that this bundle does not allow that.',
    todo: 'The operator gives the bundle the scope it lacks: npm run scopes says which.',
  },
  429: { what: 'Google says that this app asks too often.', todo: 'Try again in a minute.' },
}

/** @type {Record<LikelyCause, string>} */
const LIKELY_CAUSES = {
  revoked_by_user: 'most likely you removed the app from your Google account',
  testing_mode_7_days:
    'most likely because the Google Cloud project is in testing, where consent lasts seven days',
  unused_6_months: 'most likely because it was not used for six months',
  time_limited_access: 'the time you allowed at Google is over',
  too_many_grants: 'most likely because Google keeps a hundred grants and this was the oldest',
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

/**
 * Tells how a consent ended that came back with an error.
 *
 * @param {string | null} code
 * @returns {Words}
 */
export function tellConnectError(code) {
  return CONNECT_ERRORS[/** @type {ConnectError} */ (code)] ?? CONNECT_ERRORS.server_error
}

/**
 * Tells what was thrown.
 *
 * @param {unknown} error
 * @returns {Words}
 */
export function tellError(error) {
  if (error instanceof BrokerError) return tellAnswer(error)
  if (error instanceof GoogleError) return tellGoogle(error)
  return {
    what: 'Something that was called did not answer.',
    todo: 'See that npm start is still running, then try again.',
  }
}

/**
 * Tells why a bundle needs consent.
 *
 * @param {ConsentRequired} why
 * @returns {string}
 */
export function tellConsentRequired({ reason, missing_scope, likely_cause = 'unknown' }) {
  if (reason === 'never_granted') return 'Not connected yet.'
  if (reason === 'ended') return `Access has ended: ${LIKELY_CAUSES[likely_cause]}.`
  return `Left unticked at Google: ${missing_scope.split(' ').map(tellScope).join(', and ')}.`
}

/**
 * Tells what methods do for a person.
 *
 * @param {readonly string[]} methods
 * @returns {string[]}
 */
export function tellMethods(methods) {
  return METHODS.filter(([pattern]) => methods.some((method) => pattern.test(method))).map(
    ([, what]) => what,
  )
}

/** @param {string} scope */
function tellScope(scope) {
  const short = scope.replace('https://www.googleapis.com/auth/', '')
  return SCOPES[short] ?? short
}

/** @param {BrokerError} error */
function tellAnswer({ answer, retry_after }) {
  const { what, todo } = ERRORS[answer.error] ?? ERRORS.server_error
  const { reason, missing_scope = '' } = answer
  const why = reason ? ` ${tellConsentRequired({ ...answer, reason, missing_scope })}` : ''
  const wait = retry_after ? ` The broker asks to wait ${retry_after} s.` : ''
  const detail = `${answer.error}, request ${answer.request_id}`
  const { connect_url } = answer
  return { what: what + why, todo: todo + wait, detail, ...(connect_url ? { connect_url } : {}) }
}

/** @param {GoogleError} error */
function tellGoogle({ status, message }) {
  const words = GOOGLE_ERRORS[status] ?? {
    what: 'Google could not do that just now.',
    todo: 'Try again in a moment.',
  }
  return { ...words, detail: `Google answered ${status} ${message}`.trim() }
}
