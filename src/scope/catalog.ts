/** The catalog: the Google Photos scopes, and the API methods that each allows. */

import { fullName, type ScopeSet, scopeSet } from './scopes.ts'

/** An API of Google Photos. */
export type Api = 'Photos Picker API' | 'Photos Library API'

/** A scope of the Photos APIs. */
export interface Scope {
  /** Full scope URL. */
  readonly scope: string
  readonly api: Api
  /** What an app with this scope can do, for users: a sentence without a full stop. */
  readonly allows?: string
  /** What to write instead of a scope that Google removed, a sentence; left out while the scope is active. */
  readonly removed?: string
}

/** A method of a Photos API. */
export interface Method {
  /** Unambiguous name: `library.mediaItems.list`. */
  readonly id: string
  /** Name in Google's reference: `mediaItems.list`, which both APIs have. */
  readonly name: string
  readonly api: Api
  /** HTTP method and URL, without `https://`; of a removed method the empty string. */
  readonly http: string
  /** Each of these allows it; a removed method has none. */
  readonly scopes: ScopeSet
}

/** The date on which Google removed three scopes and the methods for sharing. */
export const REMOVED_ON = '2025-03-31'

const PICKER = 'Photos Picker API'
const LIBRARY = 'Photos Library API'
const PICK = 'photospicker.mediaitems.readonly'
const APPEND = 'photoslibrary.appendonly'
const READ = 'photoslibrary.readonly.appcreateddata'
const EDIT = 'photoslibrary.edit.appcreateddata'

/**
 * Every scope of the Photos APIs, including removed ones.
 *
 * @see https://developers.google.com/photos/overview/authorization
 * @see https://developers.google.com/photos/support/updates
 */
export const SCOPES: readonly Scope[] = [
  { scope: fullName(PICK), api: PICKER, allows: 'See the photos and videos that you pick' },
  {
    scope: fullName(APPEND),
    api: LIBRARY,
    allows: 'Add photos, videos and albums to your library',
  },
  {
    scope: fullName(READ),
    api: LIBRARY,
    allows: 'See the photos, videos and albums that were added in this way',
  },
  {
    scope: fullName(EDIT),
    api: LIBRARY,
    allows: 'Change the photos, videos and albums that were added in this way',
  },
  removed(
    'photoslibrary.readonly',
    `Write ${PICK} to let people pick from their library, or ${READ} to read what the app created.`,
  ),
  removed(
    'photoslibrary.sharing',
    'Nothing replaces it: leave it out, and send users to the Google Photos app to share.',
  ),
  removed(
    'photoslibrary',
    `Write ${APPEND} and ${READ}, and ${EDIT} if the app changes what it created.`,
  ),
]

/**
 * Every method of the Photos APIs, including removed ones.
 *
 * @see https://developers.google.com/photos/picker/reference/rest
 * @see https://developers.google.com/photos/library/reference/rest
 */
export const METHODS: readonly Method[] = [
  picker('sessions.create', 'POST', '/v1/sessions'),
  picker('sessions.get', 'GET', '/v1/sessions/{sessionId}'),
  picker('sessions.delete', 'DELETE', '/v1/sessions/{sessionId}'),
  picker('mediaItems.list', 'GET', '/v1/mediaItems?sessionId={sessionId}'),
  library('uploads', 'POST', '/v1/uploads', [APPEND]),
  library('mediaItems.batchCreate', 'POST', '/v1/mediaItems:batchCreate', [APPEND]),
  library('mediaItems.get', 'GET', '/v1/mediaItems/{mediaItemId}', [READ]),
  library('mediaItems.batchGet', 'GET', '/v1/mediaItems:batchGet', [READ]),
  library('mediaItems.list', 'GET', '/v1/mediaItems', [READ]),
  library('mediaItems.search', 'POST', '/v1/mediaItems:search', [READ]),
  library('mediaItems.patch', 'PATCH', '/v1/mediaItems/{mediaItemId}', [EDIT]),
  library('albums.create', 'POST', '/v1/albums', [APPEND]),
  library('albums.get', 'GET', '/v1/albums/{albumId}', [READ]),
  library('albums.list', 'GET', '/v1/albums', [READ]),
  library('albums.patch', 'PATCH', '/v1/albums/{albumId}', [EDIT]),
  library('albums.addEnrichment', 'POST', '/v1/albums/{albumId}:addEnrichment', [APPEND, EDIT]),
  library('albums.batchAddMediaItems', 'POST', '/v1/albums/{albumId}:batchAddMediaItems', [
    APPEND,
    EDIT,
  ]),
  library('albums.batchRemoveMediaItems', 'POST', '/v1/albums/{albumId}:batchRemoveMediaItems', [
    EDIT,
  ]),
  ...['albums.share', 'albums.unshare'].map(gone),
  ...['sharedAlbums.get', 'sharedAlbums.join', 'sharedAlbums.leave', 'sharedAlbums.list'].map(gone),
]

/** What the sign-in scopes allow; `openid` alone allows nothing that an app with any other scope could not do. */
const SIGN_IN_ALLOWS: readonly (readonly [name: string, allows: string])[] = [
  ['email', 'See your e-mail address'],
  ['profile', 'See your name and your picture'],
]

/** Says to a user what an app with these scopes can do. A scope of another API is named by its URL. */
export function describeScopes(scopes: ScopeSet): readonly string[] {
  const known = new Map<string, string>(
    SIGN_IN_ALLOWS.map(([name, allows]) => [fullName(name), allows]),
  )
  for (const { scope, allows } of SCOPES) if (allows) known.set(scope, allows)
  return scopes
    .filter((scope) => scope !== 'openid')
    .map((scope) => known.get(scope) ?? `Use what Google calls ${scope}`)
}

/** Lists the APIs of these scopes, in the order of the catalog. */
export function apisOf(scopes: ScopeSet): readonly Api[] {
  return [...new Set(SCOPES.filter(({ scope }) => scopes.includes(scope)).map(({ api }) => api))]
}

/** Lists the ids of the methods that these scopes allow, in the order of the catalog. */
export function methodsOf(scopes: ScopeSet): readonly string[] {
  return METHODS.filter((method) => isAllowed(method, scopes)).map(({ id }) => id)
}

/** Whether one of these scopes allows the method. */
export function isAllowed(method: Method, scopes: ScopeSet): boolean {
  return method.scopes.some((scope) => scopes.includes(scope))
}

function removed(name: string, advice: string): Scope {
  return { scope: fullName(name), api: LIBRARY, removed: advice }
}

function picker(name: string, verb: string, path: string): Method {
  const http = `${verb} photospicker.googleapis.com${path}`
  return { id: `picker.${name}`, name, api: PICKER, http, scopes: scopeSet([PICK]) }
}

function library(name: string, verb: string, path: string, scopes: string[]): Method {
  const http = `${verb} photoslibrary.googleapis.com${path}`
  return { id: `library.${name}`, name, api: LIBRARY, http, scopes: scopeSet(scopes) }
}

function gone(name: string): Method {
  return { id: `library.${name}`, name, api: LIBRARY, http: '', scopes: scopeSet([]) }
}
