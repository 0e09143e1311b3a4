/** Consents, refresh tokens and access tokens: how they are made, and every way they end. */

import { isSignIn } from '../google-scopes.ts'
import { projectOf, randomName, type Simulation } from '../simulation.ts'
import type { AccessToken, Consent, RefreshToken } from '../world.ts'

const DAY_SECONDS = 24 * 60 * 60

/** How long a consent and its tokens last while the app is in "Testing", in seconds. */
const TESTING_SECONDS = 7 * DAY_SECONDS

/** How long a refresh token lives without use, in seconds: six months, as 183 days. */
const UNUSED_SECONDS = 183 * DAY_SECONDS

/** How many live refresh tokens an account has for one client at most. */
const MAX_REFRESH_TOKENS = 100

/** The `expires_in` of Google, in seconds. */
const ACCESS_TOKEN_SECONDS = 3599

/** Lists the scopes that an account consents to at present, for the project of a client. */
export function consentedScopes(simulation: Simulation, client_id: string, sub: string): string[] {
  const consent = findConsent(simulation, client_id, sub)
  if (!consent) return []
  return Object.entries(consent.scopes)
    .filter(([scope, { granted_at, expires_at = Number.POSITIVE_INFINITY }]) => {
      const isOver = isTestingOver(simulation, [scope], granted_at)
      return !isOver && simulation.now() < expires_at
    })
    .map(([scope]) => scope)
}

/** Stores a consent, until `expires_at` or without a limit. */
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
  const consent = known ?? { project: projectOf(simulation, client_id), sub, scopes: {} }
  if (!known) simulation.world.consents.push(consent)
  for (const scope of scopes) {
    consent.scopes[scope] = { granted_at: simulation.now(), expires_at }
  }
}

/** Makes a refresh token; the oldest beyond a hundred ends silently. */
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
  const live = Object.keys(refresh_tokens).filter((name) => {
    const found = findRefreshToken(simulation, name)
    return found?.client_id === client_id && found.sub === sub
  })
  for (const name of live.slice(0, -MAX_REFRESH_TOKENS)) delete refresh_tokens[name]
  return token
}

/** Makes an access token that lives as long as those of Google, but not beyond `until` (NumericDate). */
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

/** Finds a live refresh token, and deletes it if it has ended. */
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

/** Finds a live access token, and deletes it if it has expired. */
export function findAccessToken(simulation: Simulation, name: string): AccessToken | undefined {
  const { access_tokens } = simulation.world
  const token = Object.hasOwn(access_tokens, name) ? access_tokens[name] : undefined
  if (!token) return undefined
  const isDead = simulation.now() >= token.expires_at
  if (isDead) delete access_tokens[name]
  return isDead ? undefined : token
}

/** Ends the consent of an account to a project, with the refresh tokens, access tokens and codes of all its clients. */
export function endGrant(simulation: Simulation, project: string, sub: string): void {
  const { world } = simulation
  const isOfGrant = (record: { client_id: string; sub: string }): boolean =>
    record.sub === sub && projectOf(simulation, record.client_id) === project
  world.consents = world.consents.filter((one) => one.sub !== sub || one.project !== project)
  deleteTokens(world.refresh_tokens, isOfGrant)
  deleteTokens(world.access_tokens, isOfGrant)
  deleteTokens(world.codes, isOfGrant)
}

/** Lists the live access tokens. */
export function liveAccessTokens(simulation: Simulation): AccessToken[] {
  const names = Object.keys(simulation.world.access_tokens)
  return names.flatMap((name) => findAccessToken(simulation, name) ?? [])
}

/** Ends the tokens of a code that was used twice, since one of the two uses may be an attack (RFC 6749 §4.1.2). */
export function endTokensOf({ world }: Simulation, code: string): void {
  deleteTokens(world.refresh_tokens, (token) => token.code === code)
  deleteTokens(world.access_tokens, (token) => token.code === code)
}

function deleteTokens<Token>(
  tokens: Record<string, Token>,
  hasEnded: (token: Token) => boolean,
): void {
  for (const [name, token] of Object.entries(tokens)) if (hasEnded(token)) delete tokens[name]
}

function findConsent(simulation: Simulation, client_id: string, sub: string): Consent | undefined {
  const project = projectOf(simulation, client_id)
  return simulation.world.consents.find((one) => one.project === project && one.sub === sub)
}

/** Whether the 7 days of "Testing" have passed; scopes for sign-in alone have no such limit. */
function isTestingOver(
  { world, now }: Simulation,
  scopes: readonly string[],
  since: number,
): boolean {
  const isTesting = world.settings.publishing === 'testing' && !scopes.every(isSignIn)
  return isTesting && now() >= since + TESTING_SECONDS
}
