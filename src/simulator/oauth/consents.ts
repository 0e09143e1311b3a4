/** This file is what people allowed, and the tokens that came of it: how they begin and every way they end. */

import { isSignIn } from '../google-scopes.ts'
import { randomName, type Simulation } from '../simulation.ts'
import type { AccessToken, Consent, RefreshToken } from '../world.ts'

const DAY_SECONDS = 24 * 60 * 60

/** While the app is in "Testing", what is granted lasts so long. */
const TESTING_SECONDS = 7 * DAY_SECONDS

/** A refresh token that is not used for six months dies; counted as 183 days. */
const UNUSED_SECONDS = 183 * DAY_SECONDS

/** So many live refresh tokens there may be for one account and client. */
const MAX_REFRESH_TOKENS = 100

/** What Google puts into `expires_in`. */
const ACCESS_TOKEN_SECONDS = 3599

/** Lists the scopes an account allows an app at present. */
export function heldScopes(simulation: Simulation, client_id: string, sub: string): string[] {
  const consent = findConsent(simulation, client_id, sub)
  if (!consent) return []
  return Object.entries(consent.scopes)
    .filter(([scope, { granted_at, expires_at = Number.POSITIVE_INFINITY }]) => {
      const isOver = isTestingOver(simulation, [scope], granted_at)
      return !isOver && simulation.now() < expires_at
    })
    .map(([scope]) => scope)
}

/** Remembers that an account allowed scopes, until `expires_at` or for good. */
export function recordConsent(
  simulation: Simulation,
  allowed: {
    client_id: string
    sub: string
    scopes: readonly string[]
    expires_at: number | undefined
  },
): void {
  const { client_id, sub, scopes, expires_at } = allowed
  const known = findConsent(simulation, client_id, sub)
  const consent = known ?? { client_id, sub, scopes: {} }
  if (!known) simulation.world.consents.push(consent)
  for (const scope of scopes) {
    consent.scopes[scope] = { granted_at: simulation.now(), expires_at }
  }
}

/** Makes a refresh token; the oldest beyond the hundredth dies without a word. */
export function issueRefreshToken(
  simulation: Simulation,
  code: string,
  from: Omit<RefreshToken, 'code' | 'issued_at' | 'used_at'>,
): string {
  const { refresh_tokens } = simulation.world
  const { client_id, sub, scopes, expires_at } = from
  const issued_at = simulation.now()
  const token = randomName('1//0')
  refresh_tokens[token] = {
    client_id,
    sub,
    scopes,
    code,
    issued_at,
    used_at: issued_at,
    expires_at,
  }
  const theirs = Object.keys(refresh_tokens).filter((name) => {
    const one = findRefreshToken(simulation, name)
    return one?.client_id === client_id && one.sub === sub
  })
  for (const name of theirs.slice(0, -MAX_REFRESH_TOKENS)) delete refresh_tokens[name]
  return token
}

/** Makes an access token that lives as long as Google's do, but no longer than `until`. */
export function issueAccessToken(
  simulation: Simulation,
  from: Omit<AccessToken, 'expires_at'>,
  until = Number.POSITIVE_INFINITY,
): { access_token: string; expires_in: number } {
  const { access_tokens } = simulation.world
  for (const name of Object.keys(access_tokens)) findAccessToken(simulation, name)
  const now = simulation.now()
  const expires_in = Math.round(Math.min(ACCESS_TOKEN_SECONDS, until - now))
  const access_token = randomName('ya29.a0')
  access_tokens[access_token] = { ...from, expires_at: now + expires_in }
  return { access_token, expires_in }
}

/** Finds a live refresh token, and forgets it when it has died. */
export function findRefreshToken(simulation: Simulation, name: string): RefreshToken | undefined {
  const { refresh_tokens } = simulation.world
  const token = Object.hasOwn(refresh_tokens, name) ? refresh_tokens[name] : undefined
  if (!token) return undefined
  const { scopes, issued_at, used_at, expires_at = Number.POSITIVE_INFINITY } = token
  const now = simulation.now()
  const isDead =
    now >= expires_at ||
    now >= used_at + UNUSED_SECONDS ||
    isTestingOver(simulation, scopes, issued_at)
  if (isDead) delete refresh_tokens[name]
  return isDead ? undefined : token
}

/** Finds a live access token, and forgets it when it has died. */
export function findAccessToken(simulation: Simulation, name: string): AccessToken | undefined {
  const { access_tokens } = simulation.world
  const token = Object.hasOwn(access_tokens, name) ? access_tokens[name] : undefined
  if (!token) return undefined
  const isDead = simulation.now() >= token.expires_at
  if (isDead) delete access_tokens[name]
  return isDead ? undefined : token
}

/** Ends everything an account allowed an app: all scopes, all refresh tokens, all access tokens. */
export function endGrant({ world }: Simulation, client_id: string, sub: string): void {
  const isTheirs = (one: { client_id: string; sub: string }): boolean =>
    one.client_id === client_id && one.sub === sub
  world.consents = world.consents.filter((consent) => !isTheirs(consent))
  deleteTokens(world.refresh_tokens, isTheirs)
  deleteTokens(world.access_tokens, isTheirs)
  deleteTokens(world.codes, isTheirs)
}

/** Ends the tokens that came of one code: it was used twice, so one of its two users is a thief (RFC 6749 §4.1.2). */
export function endTokensOf({ world }: Simulation, code: string): void {
  deleteTokens(world.refresh_tokens, (token) => token.code === code)
  deleteTokens(world.access_tokens, (token) => token.code === code)
}

function deleteTokens<Token>(tokens: Record<string, Token>, isOver: (one: Token) => boolean): void {
  for (const [name, token] of Object.entries(tokens)) if (isOver(token)) delete tokens[name]
}

function findConsent({ world }: Simulation, client_id: string, sub: string): Consent | undefined {
  return world.consents.find((one) => one.client_id === client_id && one.sub === sub)
}

/** Sign-in scopes alone do not end while the app is in "Testing". */
function isTestingOver(
  { world, now }: Simulation,
  scopes: readonly string[],
  since: number,
): boolean {
  const isTesting = world.settings.publishing === 'testing' && !scopes.every(isSignIn)
  return isTesting && now() >= since + TESTING_SECONDS
}
