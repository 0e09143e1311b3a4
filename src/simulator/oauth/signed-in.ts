/** This file is who is signed in to this Google in one browser: a cookie with the `sub` of each account. */

import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { Simulation } from '../simulation.ts'
import type { Account } from '../world.ts'

/** Of the simulator, on localhost: cookies do not know ports, so its name must not be the broker's. */
const COOKIE = 'simulator_signed_in'

/** Lists the accounts signed in to in this browser. */
export function signedIn({ world }: Simulation, c: Context): Account[] {
  const subs = (getCookie(c, COOKIE) ?? '').split('.')
  return world.accounts.filter((account) => subs.includes(account.sub))
}

/** Signs in to one more account; there are no passwords here. */
export function signIn(simulation: Simulation, c: Context, account: Account): void {
  const others = signedIn(simulation, c).filter((one) => one.sub !== account.sub)
  setCookie(c, COOKIE, [...others, account].map((one) => one.sub).join('.'), {
    httpOnly: true,
    sameSite: 'Lax',
    path: '/',
  })
}

/** Signs out of every account in this browser. */
export function signOut(c: Context): void {
  deleteCookie(c, COOKIE, { path: '/' })
}
