/** The faults at Google by name: the endpoint, and the effect on the simulator or the connection. */

import { the } from '../support/broker.ts'

/** A scope that no bundle has. */
const EDIT = 'https://www.googleapis.com/auth/photoslibrary.edit.appcreateddata'

/** Each fault with its endpoint. */
export const GOOGLE_FAULTS: Record<string, { at: string; do: Record<string, unknown> }> = {}

const TOKEN_FAULTS: Record<string, Record<string, unknown>> = {
  '429': { status: 429, retry_after: 20 },
  '500': { status: 500 },
  '503': { status: 503, retry_after: 30 },
  '403 rate limit': { status: 403, body: { error: { code: 403 } } },
  'unknown error': { error: 'canary_error' },
  html: { html: true },
  garbage: { garbage: true },
  redirect: { redirect: 'https://elsewhere.example/token' },
  'too long': { big_body_bytes: 300_000 },
  truncated: { truncate: true },
  'lost answer': { lose_answer: true },
  'cut before': { cut: 'before' },
  'cut after': { cut: 'after' },
  'time-out': { cut: 'time-out' },
  'short life': { set: { expires_in: 40 } },
  'no life': { omit: ['expires_in'] },
  'no token': { omit: ['access_token'] },
  'mac token': { set: { token_type: 'mac' } },
  'invalid client': { error: 'invalid_client' },
}

const REFRESH_FAULTS: Record<string, Record<string, unknown>> = {
  rotated: { rotate: true },
  'rotated and lost': { rotate: true, lose_answer: true },
  'more scope': { scope: { add: [the.pick, the.upload] } },
  'less scope': { scope: { drop: [the.upload] } },
  'other scope': { scope: { drop: [the.pick, ...the.album.split(' ')], add: [EDIT] } },
}

for (const [name, effect] of Object.entries({ ...TOKEN_FAULTS, ...REFRESH_FAULTS }))
  GOOGLE_FAULTS[`refresh: ${name}`] = { at: 'token:refresh_token', do: effect }
for (const [name, effect] of Object.entries(TOKEN_FAULTS))
  GOOGLE_FAULTS[`code: ${name}`] = { at: 'token:authorization_code', do: effect }
for (const name of ['429', '500', 'redirect', 'lost answer', 'cut before', 'cut after', 'time-out'])
  GOOGLE_FAULTS[`revoke: ${name}`] = { at: 'revoke', do: TOKEN_FAULTS[name] ?? {} }
// A 200 means revoked, whatever the body; RFC 7009 §2.2.
GOOGLE_FAULTS['revoke: garbage'] = { at: 'revoke', do: { garbage: true, status: 400 } }
for (const name of ['500', 'garbage', 'cut before'])
  GOOGLE_FAULTS[`discovery: ${name}`] = { at: 'discovery', do: TOKEN_FAULTS[name] ?? {} }
for (const name of ['500', 'garbage', 'cut before'])
  GOOGLE_FAULTS[`risc: ${name}`] = { at: 'risc', do: TOKEN_FAULTS[name] ?? {} }
for (const what of ['wrong_nonce', 'wrong_key', 'expired', 'missing'])
  GOOGLE_FAULTS[`code: id token ${what}`] = {
    at: 'token:authorization_code',
    do: { id_token: what },
  }

/** @returns the endpoint of a call, as faults name it */
export function endpointOf({ pathname }: URL, form: URLSearchParams): string {
  if (pathname === '/token') return `token:${form.get('grant_type')}`
  if (pathname === '/revoke') return 'revoke'
  if (pathname.includes('risc-configuration')) return 'risc'
  return pathname.includes('openid-configuration') ? 'discovery' : 'jwks'
}

/** @returns the Photos scopes in canonical order */
export function photosOf(scopes: readonly string[]): string {
  return scopes
    .filter((scope) => scope !== 'openid')
    .sort()
    .join(' ')
}
