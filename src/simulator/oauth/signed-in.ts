/** The accounts that are signed in in one browser: a cookie with the `sub` of each. */

import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { Simulation } from '../simulation.ts'
import type { Account } from '../world.ts'

/** Cookies are shared by all ports of localhost, so the broker must not use this name. */
const COOKIE = 'simulator_signed_in'

/** Lists the accounts that are signed in in this browser. */
export function signedInAccounts({ world }: Simulation, c: Context): Account[] {
  const subs = (getCookie(c, COOKIE) ?? '').split('.')
  return world.accounts.filter((account) => subs.includes(account.sub))
}

/** Signs in to one more account; there are no passwords. */
export function signIn(simulation: Simulation, c: Context, account: Account): void {
  const others = signedInAccounts(simulation, c).filter(({ sub }) => sub !== account.sub)
  setCookie(c, COOKIE, [...others, account].map(({ sub }) => sub).join('.'), {
    httpOnly: true,
    sameSite: 'Lax',
    path: '/',
  })
}

/** Signs out of every account in this browser. */
export function signOut(c: Context): void {
  deleteCookie(c, COOKIE, { path: '/' })
}
