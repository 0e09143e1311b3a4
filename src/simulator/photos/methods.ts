/** The API methods of Google Photos, and their scopes: any one of them allows the method. */

import { APPEND, EDIT, PICK, READ } from '../google-scopes.ts'

const PICKER = '/photospicker/v1'
const LIBRARY = '/photoslibrary/v1'

/** Every method with its HTTP method, path and scopes. Those without scopes were removed by Google on 2025-03-31. */
export const API_METHODS = [
  method('picker.sessions.create', 'POST', `${PICKER}/sessions`, PICK),
  method('picker.sessions.get', 'GET', `${PICKER}/sessions/{id}`, PICK),
  method('picker.sessions.delete', 'DELETE', `${PICKER}/sessions/{id}`, PICK),
  method('picker.mediaItems.list', 'GET', `${PICKER}/mediaItems`, PICK),
  method('library.uploads', 'POST', `${LIBRARY}/uploads`, APPEND),
  method('library.mediaItems.batchCreate', 'POST', `${LIBRARY}/mediaItems:batchCreate`, APPEND),
  method('library.mediaItems.batchGet', 'GET', `${LIBRARY}/mediaItems:batchGet`, READ),
  method('library.mediaItems.search', 'POST', `${LIBRARY}/mediaItems:search`, READ),
  method('library.mediaItems.list', 'GET', `${LIBRARY}/mediaItems`, READ),
  method('library.mediaItems.get', 'GET', `${LIBRARY}/mediaItems/{id}`, READ),
  method('library.mediaItems.patch', 'PATCH', `${LIBRARY}/mediaItems/{id}`, EDIT),
  method('library.albums.create', 'POST', `${LIBRARY}/albums`, APPEND),
  method('library.albums.list', 'GET', `${LIBRARY}/albums`, READ),
  method('library.albums.get', 'GET', `${LIBRARY}/albums/{id}`, READ),
  method('library.albums.patch', 'PATCH', `${LIBRARY}/albums/{id}`, EDIT),
  method(
    'library.albums.addEnrichment',
    'POST',
    `${LIBRARY}/albums/{id}:addEnrichment`,
    APPEND,
    EDIT,
  ),
  method(
    'library.albums.batchAddMediaItems',
    'POST',
    `${LIBRARY}/albums/{id}:batchAddMediaItems`,
    APPEND,
    EDIT,
  ),
  method(
    'library.albums.batchRemoveMediaItems',
    'POST',
    `${LIBRARY}/albums/{id}:batchRemoveMediaItems`,
    EDIT,
  ),
  method('library.albums.share', 'POST', `${LIBRARY}/albums/{id}:share`),
  method('library.albums.unshare', 'POST', `${LIBRARY}/albums/{id}:unshare`),
  method('library.sharedAlbums.list', 'GET', `${LIBRARY}/sharedAlbums`),
  method('library.sharedAlbums.get', 'GET', `${LIBRARY}/sharedAlbums/{id}`),
  method('library.sharedAlbums.join', 'POST', `${LIBRARY}/sharedAlbums:join`),
  method('library.sharedAlbums.leave', 'POST', `${LIBRARY}/sharedAlbums:leave`),
]

/** A method of an API. */
export interface ApiMethod<Id extends string = string> {
  readonly id: Id
  readonly http: string
  readonly path: RegExp
  readonly scopes: readonly string[]
}

/** The name of a method. */
export type ApiMethodId = (typeof API_METHODS)[number]['id']

/** Finds the method that a request calls, and the `{id}` in its path. */
export function findMethod(
  http: string,
  path: string,
): { method: ApiMethod<ApiMethodId>; id: string } | undefined {
  for (const method of API_METHODS) {
    const match = method.http === http ? method.path.exec(path) : null
    if (match) return { method, id: match[1] ?? '' }
  }
  return undefined
}

function method<Id extends string>(
  id: Id,
  http: string,
  path: string,
  ...scopes: string[]
): ApiMethod<Id> {
  return { id, http, path: new RegExp(`^${path.replace('{id}', '([^/:]+)')}$`), scopes }
}
