/** The names of the endpoints, for faults and the log, and the form of a request. */

import type { Context } from 'hono'
import { findMethod } from './photos/methods.ts'

const ENDPOINTS: Readonly<Record<string, string>> = {
  '/.well-known/openid-configuration': 'discovery',
  '/o/oauth2/v2/auth': 'authorize',
  '/token': 'token',
  '/revoke': 'revoke',
  '/tokeninfo': 'tokeninfo',
  '/v1/userinfo': 'userinfo',
  '/oauth2/v3/certs': 'jwks',
  '/.well-known/risc-configuration': 'risc',
}

/** Names the endpoint of a request; `undefined` for the simulator's own pages. */
export async function endpointOf(c: Context): Promise<string | undefined> {
  const { path, method } = c.req
  const endpoint = ENDPOINTS[path]
  if (endpoint === 'token') {
    const grant_type = (await readForm(c)).get('grant_type')
    const isKnown = grant_type === 'authorization_code' || grant_type === 'refresh_token'
    return isKnown ? `token:${grant_type}` : 'token'
  }
  if (endpoint !== undefined) return endpoint
  if (path.startsWith('/media/')) return 'media'
  const called = findMethod(method, path)
  if (called) return `api:${called.method.id}`
  return isApi(path) ? 'api' : undefined
}

/** Reads a form of type `application/x-www-form-urlencoded`; empty if there is none. May be called twice. */
export async function readForm(c: Context): Promise<URLSearchParams> {
  // Not `text()`: workerd logs a warning for a form that is read as text.
  return new URLSearchParams(isForm(c) ? new TextDecoder().decode(await c.req.arrayBuffer()) : '')
}

/** Whether the body of a request is a form. */
export function isForm(c: Context): boolean {
  return /^application\/x-www-form-urlencoded\b/i.test(c.req.header('Content-Type') ?? '')
}

function isApi(path: string): boolean {
  return path.startsWith('/photospicker/') || path.startsWith('/photoslibrary/')
}
