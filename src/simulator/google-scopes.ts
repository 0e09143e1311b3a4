/** This file is the scopes this Google knows, in its own reading of Google's pages: nothing here is shared with the broker. */

const PREFIX = 'https://www.googleapis.com/auth/'

export const EMAIL: string = `${PREFIX}userinfo.email`
export const PROFILE: string = `${PREFIX}userinfo.profile`
export const PICK: string = `${PREFIX}photospicker.mediaitems.readonly`
export const APPEND: string = `${PREFIX}photoslibrary.appendonly`
export const READ: string = `${PREFIX}photoslibrary.readonly.appcreateddata`
export const EDIT: string = `${PREFIX}photoslibrary.edit.appcreateddata`

/** What people read on the consent page. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  openid: 'Know who you are',
  [EMAIL]: 'See your email address',
  [PROFILE]: 'See your name',
  [PICK]: 'See the photos and videos that you pick',
  [APPEND]: 'Add photos, videos and albums to your library',
  [READ]: 'See the photos, videos and albums that this app added',
  [EDIT]: 'Change the photos, videos and albums that this app added',
}

const REMOVED: readonly string[] = [
  `${PREFIX}photoslibrary`,
  `${PREFIX}photoslibrary.readonly`,
  `${PREFIX}photoslibrary.sharing`,
]

/** Reads a `scope` parameter: each scope once, `email` and `profile` in Google's own spelling. */
export function parseScope(scope: string): string[] {
  const names = scope.split(' ').filter((name) => name !== '')
  return [...new Set(names.map(canonical))]
}

/** Tells what an app that asks for a scope will be able to do, in words for people. */
export function describe(scope: string): string {
  return DESCRIPTIONS[scope] ?? scope
}

/** Shortens a scope to the part that tells it from others. */
export function shortName(scope: string): string {
  return scope.startsWith(PREFIX) ? scope.slice(PREFIX.length) : scope
}

/** Tells whether a scope only says who somebody is; those have no box of their own. */
export function isSignIn(scope: string): boolean {
  return scope === 'openid' || scope === EMAIL || scope === PROFILE
}

/** Tells why a scope cannot be asked for; nothing when it can. */
export function whyRefused(scope: string): string | undefined {
  if (REMOVED.includes(scope)) return `${scope} was removed on 2025-03-31.`
  if (!(scope in DESCRIPTIONS)) return `${scope} is not a scope of this Google.`
  return undefined
}

function canonical(scope: string): string {
  if (scope === 'email') return EMAIL
  if (scope === 'profile') return PROFILE
  return scope
}
