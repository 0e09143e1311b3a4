/** This file is the cookies: how ours are named and written, and how a request's are read without being fooled. */

import { serialize } from 'hono/utils/cookie'

/**
 * Browsers that know this prefix let no script write such a cookie; the others still enforce the `__Host-` in
 * it: secure, this host only, path `/` (TMB-30).
 */
const PREFIX = '__Host-Http-ptb-'

/** A session; its client follows, so that one browser may use several. */
export const SESSION_COOKIE_PREFIX = `${PREFIX}session-`

/** A pending authorization; its id follows, so that several tabs may connect at once. */
export const PENDING_COOKIE_PREFIX = `${PREFIX}pending-`

/** A longer `Cookie` header is not read at all (TMB-34, TMB-73). */
const MAX_HEADER_BYTES = 16 * 1024

/** Our cookies of one request. */
export interface Cookies {
  /** The value of a cookie that came exactly once. */
  get(name: string): string | undefined
  /** Names of ours that came, also those that came twice or misspelt in case, to be cleared. */
  readonly names: readonly string[]
}

/**
 * Reads our cookies from a `Cookie` header.
 *
 * A name that comes twice, in whatever case, is not believed at all: a sibling sub-domain may have planted
 * one of the two (TMB-34).
 *
 * @see RFC 6265 §5.4
 */
export function readCookies(header: string | undefined): Cookies {
  const values = new Map<string, string>()
  const seen = new Map<string, number>()
  if (header !== undefined && header.length <= MAX_HEADER_BYTES) {
    for (const pair of header.split(';')) {
      const at = pair.indexOf('=')
      const name = trimmed(pair.slice(0, Math.max(at, 0)))
      const folded = name.toLowerCase()
      if (!folded.startsWith(PREFIX.toLowerCase()) || !/^[\w.-]+$/.test(name)) continue
      seen.set(folded, (seen.get(folded) ?? 0) + 1)
      values.set(name, trimmed(pair.slice(at + 1)))
    }
  }
  return {
    get: (name) => (seen.get(name.toLowerCase()) === 1 ? values.get(name) : undefined),
    names: [...values.keys()],
  }
}

/** Takes spaces and tabs off, and no other white space: a browser grants no prefix to a name that begins with it. */
function trimmed(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '')
}

/** Writes a session's cookie: sent only from our own site, and never on the way back from Google. */
export function sessionCookie(name: string, sealed: string, max_age: number): string {
  return serialize(name, sealed, {
    path: '/',
    secure: true,
    httpOnly: true,
    sameSite: 'Strict',
    maxAge: max_age,
  })
}

/** Writes a pending authorization's cookie: `Lax`, because it has to come along on the way back from Google. */
export function pendingCookie(name: string, sealed: string, max_age: number): string {
  return serialize(name, sealed, {
    path: '/',
    secure: true,
    httpOnly: true,
    sameSite: 'Lax',
    maxAge: max_age,
  })
}

/** Takes a cookie of ours away, with the attributes it was set with. */
export function clearedCookie(name: string): string {
  return name.startsWith(SESSION_COOKIE_PREFIX)
    ? sessionCookie(name, '', 0)
    : pendingCookie(name, '', 0)
}
