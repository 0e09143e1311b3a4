/** What a browser remembers of the approval page: which page it shows, and the keys that its user approved. */

import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { randomId, sha256 } from '../crypto/digest.ts'
import { open, type Place, seal } from '../crypto/seal.ts'
import { APPROVED_COOKIE, ASKED_COOKIE, type Cookies, setCookie } from './cookies.ts'

/** How long an approval page can be answered, in seconds. */
export const ASKED_SECONDS = 10 * 60

/** How long an approved key is remembered, in seconds. */
const APPROVED_SECONDS = 365 * 24 * 60 * 60

/** How many approved keys a browser remembers; the oldest is forgotten. */
const MAX_KEYS = 20

interface Approvals {
  /** Names of approved keys, the newest first. */
  keys: readonly string[]
  exp: number
}

const APPROVALS: Place<Approvals> = {
  kind: { type: 'approvals', purpose: 'cookie', expiresAt: ({ exp }) => exp },
  at: APPROVED_COOKIE,
}

/**
 * Marks the browser that shows an approval page. No other browser can answer that page, and no other site: the cookie
 * is `Strict`.
 *
 * @returns the id of the browser, which stays the same while pages are open, and the `Set-Cookie` value
 */
export function markAsked(config: Config, cookies: Cookies): { browser: string; cookie: string } {
  const browser = askedBrowser(cookies) ?? randomId()
  return { browser, cookie: setCookie(config, ASKED_COOKIE, browser, ASKED_SECONDS) }
}

/** Reads the id of the browser that shows an approval page. */
export function askedBrowser(cookies: Cookies): string | undefined {
  return cookies.get(ASKED_COOKIE)
}

/** Whether the user of this browser approved this key for this client before. */
export async function isApproved(
  config: Config,
  cookies: Cookies,
  client: string,
  dpop_jkt: string,
): Promise<boolean> {
  return (await approvedKeys(config, cookies)).includes(await nameOf(client, dpop_jkt))
}

/** Remembers that the user of this browser approved a key for a client. @returns the `Set-Cookie` value */
export async function rememberApproval(
  config: Config,
  cookies: Cookies,
  client: string,
  dpop_jkt: string,
): Promise<string> {
  const name = await nameOf(client, dpop_jkt)
  const others = (await approvedKeys(config, cookies)).filter((other) => other !== name)
  const keys = [name, ...others].slice(0, MAX_KEYS)
  const record = { keys, exp: now() + APPROVED_SECONDS }
  const sealed = await seal(config.keyring, APPROVALS, record)
  return setCookie(config, APPROVED_COOKIE, sealed, APPROVED_SECONDS)
}

async function approvedKeys({ keyring }: Config, cookies: Cookies): Promise<readonly string[]> {
  const sealed = cookies.get(APPROVED_COOKIE)
  return (sealed && (await open(keyring, APPROVALS, sealed, now()))?.keys) || []
}

/** Half a hash is enough to name a key, and twenty of them fit into a cookie. No client id has a slash. */
async function nameOf(client: string, dpop_jkt: string): Promise<string> {
  return (await sha256(`${client}/${dpop_jkt}`)).slice(0, 22)
}
