/** The tokens that Google issued in a run, and which of them reached the broker. */

import { findRefreshToken } from '../../src/simulator/oauth/consents.ts'
import type { Simulation } from '../../src/simulator/simulation.ts'
import type { World } from '../../src/simulator/world.ts'
import { photosOf } from './google-faults.ts'

/** An access token of Google. All times are NumericDates. */
export interface Issued {
  /** The authorization code of its grant. */
  code: string
  sub: string
  /** Full URLs of Photos scopes, sorted, space-separated. */
  scope: string
  issued_at: number
  expires_at: number
  /** Its expiry in the answer that the broker received; absent until a whole answer has arrived. */
  delivered_until?: number
  /** Whether the broker certainly stores it; it may have to refuse a token of a code. */
  isStored?: boolean
}

/** The record of the tokens. */
export interface IssuedTokens {
  /** Every access token that was issued. */
  readonly issued: Map<string, Issued>
  /** Every refresh token, code, ID token and code verifier. */
  readonly secrets: Set<string>
  /** @returns whether a refresh token that reached the broker is still valid */
  isAlive(code: string): boolean
  /** @returns whether a refresh token of this grant reached the broker */
  hasDelivered(code: string): boolean
  scopeOf(code: string): string
  /** Records that the broker stores the tokens of a code. */
  markStored(code: string): void
  /** Records that the broker received, perhaps in part, the event that all tokens of an account were revoked, at a NumericDate. */
  markRevoked(sub: string, at: number): void
  /** Records the tokens that are new, and the scopes of a code that was issued just now. */
  recordIssued(code?: string | null): void
  /** Records the tokens that an answer brings to the broker. */
  deliver(answer: Response, form: URLSearchParams): Promise<void>
  /** @returns the code of the grant of a refresh token */
  codeOf(refresh_token: string): string | undefined
}

/** Opens the record of a simulator. */
export function recordTokens(world: World): IssuedTokens {
  const simulation = { world, now: () => Date.now() / 1000 } as Simulation
  const issued: IssuedTokens['issued'] = new Map()
  const secrets: IssuedTokens['secrets'] = new Set()
  const delivered = new Set<string>()
  const scopes = new Map<string, string>()
  const codes = new Map<string, string>()

  const alive = (code: string): string[] =>
    Object.keys(world.refresh_tokens).filter(
      (name) =>
        world.refresh_tokens[name]?.code === code &&
        findRefreshToken(simulation, name) !== undefined,
    )

  return {
    issued,
    secrets,
    isAlive: (code) => alive(code).some((name) => delivered.has(name)),
    hasDelivered: (code) => [...delivered].some((name) => codes.get(name) === code),
    scopeOf: (code) => scopes.get(code) ?? '',
    markStored(code) {
      for (const one of issued.values()) if (one.code === code) one.isStored = true
    },
    markRevoked(sub, at) {
      for (const one of issued.values())
        if (one.sub === sub && one.issued_at < at + 1) one.isStored = false
    },
    recordIssued(code) {
      if (code) scopes.set(code, photosOf(world.codes[code]?.scopes ?? []))
      for (const [token, { code, sub, scopes, expires_at }] of Object.entries(
        world.access_tokens,
      )) {
        if (issued.has(token)) continue
        const issued_at = Date.now() / 1000
        issued.set(token, { code, sub, scope: photosOf(scopes), issued_at, expires_at })
      }
      for (const [name, { code }] of Object.entries(world.refresh_tokens)) {
        codes.set(name, code)
        secrets.add(name)
      }
      for (const name of Object.keys(world.codes)) secrets.add(name)
    },
    async deliver(answer, form) {
      let body: Record<string, unknown>
      try {
        body = await answer.clone().json()
      } catch {
        return
      }
      const { access_token, refresh_token, id_token, expires_in, token_type } = body
      const token = issued.get(String(access_token))
      if (token && typeof expires_in === 'number' && token_type === 'Bearer') {
        token.delivered_until = Math.min(token.expires_at, Date.now() / 1000 + expires_in)
        token.isStored = form.get('grant_type') === 'refresh_token'
      }
      if (typeof refresh_token === 'string') delivered.add(refresh_token)
      if (typeof id_token === 'string') secrets.add(id_token)
      const verifier = form.get('code_verifier')
      if (verifier) secrets.add(verifier)
    },
    codeOf: (refresh_token) => codes.get(refresh_token),
  }
}
