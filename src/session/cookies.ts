/** The broker's cookies: their names and attributes, and reading them from a request safely. */

import { serialize } from 'hono/utils/cookie'
import type { Config } from '../config/config.ts'

/**
 * Browsers that know this prefix let no script set such a cookie. Other browsers still enforce `__Host-`: secure,
 * this host only, path `/` (TMB-30).
 */
const PREFIX = '__Host-Http-ptb-'

/** The prefix of session cookies; the client's id follows, so that one browser can use several clients. */
export const SESSION_COOKIE_PREFIX = `${PREFIX}session-`

/** The prefix of pending authorizations; an id follows, so that several tabs can connect at once. */
export const PENDING_COOKIE_PREFIX = `${PREFIX}pending-`

/** The keys that the user of this browser approved; see `approvals.ts`. */
export const APPROVED_COOKIE = `${PREFIX}approved`

/** The browser that shows an approval page; see `approvals.ts`. */
export const ASKED_COOKIE = `${PREFIX}asked`

/** What the names of cookies depend on. */
type Origin = Pick<Config, 'origin'>

/**
 * The prefix as it is sent. Over http, which is for this machine only, Safari keeps neither `Secure` cookies nor that
 * prefix. Cookies are for all ports of a host, so there the port tells two brokers apart; RFC 6265 §8.5.
 */
function sentPrefix({ origin }: Origin): string {
  return origin.startsWith('https:') ? PREFIX : `ptb-${/:(\d+)$/.exec(origin)?.[1] ?? 80}-`
}

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
 * Reads our cookies from a `Cookie` header, under the names that they have over https.
 *
 * A name that comes twice, in any case, is ignored: a sibling sub-domain may have set one of the two (TMB-34).
 *
 * @see RFC 6265 §5.4
 */
export function readCookies(config: Origin, header: string | undefined): Cookies {
  const prefix = sentPrefix(config)
  const values = new Map<string, string>()
  const seen = new Map<string, number>()
  if (header !== undefined && header.length <= MAX_HEADER_BYTES) {
    for (const pair of header.split(';')) {
      const at = pair.indexOf('=')
      const name = trimmed(pair.slice(0, Math.max(at, 0)))
      const [start, rest] = [name.slice(0, prefix.length), PREFIX + name.slice(prefix.length)]
      if (start.toLowerCase() !== prefix.toLowerCase() || !/^[\w.-]+$/.test(name)) continue
      const folded = rest.toLowerCase()
      seen.set(folded, (seen.get(folded) ?? 0) + 1)
      values.set(start === prefix ? rest : name, trimmed(pair.slice(at + 1)))
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
 * from Google. A pending authorization is `Lax`, because it must be sent on that redirect, and so are approved keys:
 * apps on other sites send users to `/authorize`.
 *
 * @param name its name over https
 * @param maxAge seconds
 */
export function setCookie(config: Origin, name: string, value: string, maxAge: number): string {
  const prefix = sentPrefix(config)
  const isStrict = name.startsWith(SESSION_COOKIE_PREFIX) || name === ASKED_COOKIE
  const options = {
    path: '/',
    secure: prefix === PREFIX,
    httpOnly: true,
    sameSite: isStrict ? 'Strict' : 'Lax',
    maxAge,
  } as const
  return serialize(name.replace(PREFIX, prefix), value, options)
}

/** Removes a cookie, with the attributes it was set with. @returns the `Set-Cookie` value */
export function clearedCookie(config: Origin, name: string): string {
  return setCookie(config, name, '', 0)
}
