/** The entry to both Photos APIs: finds the method, and checks the token and its scopes. */

import type { Context, Next } from 'hono'
import { bearerToken } from '../oauth/introspection.ts'
import type { Simulation } from '../simulation.ts'
import * as albums from './albums.ts'
import { apiError } from './answers.ts'
import { type ApiCall, notFound } from './call.ts'
import * as library from './library.ts'
import { type ApiMethodId, findMethod } from './methods.ts'
import * as picker from './picker.ts'
import { upload } from './uploads.ts'

/** Serves a call; an object is answered as JSON. */
type ApiHandler = (call: ApiCall) => object | Promise<object>

const HANDLERS: Readonly<Record<ApiMethodId, ApiHandler>> = {
  'picker.sessions.create': picker.createSession,
  'picker.sessions.get': picker.getSession,
  'picker.sessions.delete': picker.deleteSession,
  'picker.mediaItems.list': picker.listPicked,
  'library.uploads': upload,
  'library.mediaItems.batchCreate': library.batchCreate,
  'library.mediaItems.batchGet': library.batchGet,
  'library.mediaItems.search': library.search,
  'library.mediaItems.list': library.list,
  'library.mediaItems.get': library.get,
  'library.mediaItems.patch': library.patch,
  'library.albums.create': albums.create,
  'library.albums.list': albums.list,
  'library.albums.get': albums.get,
  'library.albums.patch': albums.patch,
  'library.albums.addEnrichment': albums.addEnrichment,
  'library.albums.batchAddMediaItems': albums.batchAddMediaItems,
  'library.albums.batchRemoveMediaItems': albums.batchRemoveMediaItems,
  'library.albums.share': denied,
  'library.albums.unshare': denied,
  'library.sharedAlbums.list': denied,
  'library.sharedAlbums.get': denied,
  'library.sharedAlbums.join': denied,
  'library.sharedAlbums.leave': denied,
}

/** Answers a call of either API. */
export async function api(simulation: Simulation, c: Context): Promise<Response> {
  const called = findMethod(c.req.method, c.req.path)
  if (!called) notFound()
  const token = bearerToken(simulation, c.req.header('Authorization'))
  if (!token) throw apiError('UNAUTHENTICATED')
  const { method, id } = called
  if (!method.scopes.some((scope) => token.scopes.includes(scope)))
    return method.id === 'library.uploads' ? uploadDenied() : denied()
  const { client_id, sub } = token
  const answer = await HANDLERS[method.id]({ simulation, c, owner: { client_id, sub }, id })
  return answer instanceof Response ? answer : c.json(answer)
}

/** Allows pages of any origin (CORS), as Google does for the APIs, but not for media. */
export async function anyOrigin(c: Context, next: Next): Promise<Response | undefined> {
  if (c.req.method === 'OPTIONS') {
    c.header('Access-Control-Allow-Origin', '*')
    c.header('Access-Control-Allow-Methods', 'GET, POST, PATCH, DELETE')
    c.header('Access-Control-Allow-Headers', c.req.header('Access-Control-Request-Headers') ?? '')
    c.header('Access-Control-Max-Age', '3600')
    return c.body(null, 204)
  }
  await next()
  c.res.headers.set('Access-Control-Allow-Origin', '*')
  return undefined
}

function denied(): never {
  throw apiError('PERMISSION_DENIED')
}

/** The endpoint for bytes answers otherwise than the rest of the API: 401, as for a dead token. */
function uploadDenied(): Response {
  const error = { code: 16, message: 'Authentication session is not defined.' }
  return Response.json({ error }, { status: 401 })
}
