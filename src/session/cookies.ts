/** The broker's cookies: their names and attributes, and reading them from a request safely. */

import { serialize } from 'hono/utils/cookie'

/**
 * Browsers that know this prefix let no script set such a cookie. Other browsers still enforce `__Host-`: secure,
 * this host only, path `/` (TMB-30).
 */
const PREFIX = '__Host-Http-ptb-'

/** The prefix of session cookies; the client's id follows, so that one browser can use several clients. */
export const SESSION_COOKIE_PREFIX = `${PREFIX}session-`

/** The prefix of pending authorizations; an id follows, so that several tabs can connect at once. */
export const PENDING_COOKIE_PREFIX = `${PREFIX}pending-`

/** The largest `Cookie` header that is read, in bytes (TMB-34, TMB-73). */
const MAX_HEADER_BYTES = 16 * 1024

/** Our cookies of one request. */
export interface Cookies {
  /** Finds the value of a cookie that came exactly once. */
  get(name: string): string | undefined
  /** The names of all our cookies in the request, with duplicates and in any letter case, so that all can be cleared. */
  readonly names: readonly string[]
}

/**
 * Reads our cookies from a `Cookie` header.
 *
 * A name that comes twice, in any case, is ignored: a sibling sub-domain may have set one of the two (TMB-34).
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

/** Removes spaces and tabs only: browsers do not protect a prefix after any other white space. */
function trimmed(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '')
}

/**
 * Makes a `Set-Cookie` value. A session is `Strict`: it is sent only from our own site, and not on the redirect back
 * from Google. A pending authorization is `Lax`, because it must be sent on that redirect.
 *
 * @param maxAge seconds
 */
export function setCookie(name: string, value: string, maxAge: number): string {
  const sameSite = name.startsWith(SESSION_COOKIE_PREFIX) ? 'Strict' : 'Lax'
  return serialize(name, value, { path: '/', secure: true, httpOnly: true, sameSite, maxAge })
}

/** Removes a cookie, with the attributes it was set with. @returns the `Set-Cookie` value */
export function clearedCookie(name: string): string {
  return setCookie(name, '', 0)
}
