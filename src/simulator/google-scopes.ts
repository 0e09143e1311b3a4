/** The scopes that the simulator knows, from the pages of Google. Nothing here is shared with the broker. */

const PREFIX = 'https://www.googleapis.com/auth/'

/** Sees the email address; `email` for short. */
export const EMAIL: string = `${PREFIX}userinfo.email`
/** Sees the name; `profile` for short. */
export const PROFILE: string = `${PREFIX}userinfo.profile`
/** The Picker API. */
export const PICK: string = `${PREFIX}photospicker.mediaitems.readonly`
/** The Library API: adds items and albums. */
export const APPEND: string = `${PREFIX}photoslibrary.appendonly`
/** The Library API: reads what the app added. */
export const READ: string = `${PREFIX}photoslibrary.readonly.appcreateddata`
/** The Library API: changes what the app added. */
export const EDIT: string = `${PREFIX}photoslibrary.edit.appcreateddata`

/** The text of each scope on the consent page. */
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

/** Describes what a scope allows, for people. */
export function describeScope(scope: string): string {
  return DESCRIPTIONS[scope] ?? scope
}

/** Cuts off the prefix that all scopes of Google have. */
export function shortName(scope: string): string {
  return scope.startsWith(PREFIX) ? scope.slice(PREFIX.length) : scope
}

/** Whether a scope is for sign-in only; those have no box on the consent page. */
export function isSignIn(scope: string): boolean {
  return scope === 'openid' || scope === EMAIL || scope === PROFILE
}

/** Says why a scope is refused; `undefined` if it is accepted. */
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
