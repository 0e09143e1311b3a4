/**
 * The vocabulary of faults: where a fault applies, how often, and what it does.
 *
 *     { "at": "token:refresh_token", "times": 2, "do": { "status": 503, "retry_after": 30 } }
 *
 * A call takes the first fault of the list that matches. The effects of a fault apply in the order below.
 */

import * as v from 'valibot'
import { API_ERRORS } from '../photos/answers.ts'
import { API_METHODS } from '../photos/methods.ts'

/** Where a fault can apply. A name includes all names below it: `token` includes `token:refresh_token`. */
const PLACES: readonly string[] = [
  'authorize',
  'token',
  'token:authorization_code',
  'token:refresh_token',
  'revoke',
  'discovery',
  'jwks',
  'risc',
  'userinfo',
  'tokeninfo',
  'media',
  'api',
  ...API_METHODS.map((method) => `api:${method.id}`),
]

/** Faults of an ID token. */
const ID_TOKEN_FAULTS = [
  'missing',
  'alg_none',
  'alg_hs256',
  'wrong_key',
  'wrong_kid',
  'wrong_iss',
  'iss_without_https',
  'wrong_aud',
  'extra_aud',
  'wrong_azp',
  'wrong_sub',
  'expired',
  'future_iat',
  'missing_nonce',
  'wrong_nonce',
  'wrong_at_hash',
] as const

const yes = v.literal(true)
const seconds = v.pipe(v.number(), v.integer(), v.minValue(1))

const effects = v.strictObject({
  // First the caller waits.
  delay_ms: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(600_000))),
  hang: v.optional(yes),
  // Then another answer replaces the right one.
  status: v.optional(v.pipe(v.number(), v.integer(), v.minValue(200), v.maxValue(599))),
  body: v.optional(v.unknown()),
  headers: v.optional(v.record(v.string(), v.string())),
  retry_after: v.optional(v.union([seconds, v.string()])),
  api_error: v.optional(v.picklist(API_ERRORS)),
  error: v.optional(v.string()),
  error_subtype: v.optional(v.string()),
  error_description: v.optional(v.string()),
  html: v.optional(yes),
  garbage: v.optional(yes),
  redirect: v.optional(v.pipe(v.string(), v.url())),
  big_body_bytes: v.optional(v.pipe(v.number(), v.integer(), v.maxValue(64 * 1024 * 1024))),
  // Or the request is served with a change. At the token endpoint:
  rotate: v.optional(yes),
  scope: v.optional(
    v.strictObject({
      add: v.optional(v.array(v.string())),
      drop: v.optional(v.array(v.string())),
    }),
  ),
  lasts_seconds: v.optional(seconds),
  id_token: v.optional(v.picklist(ID_TOKEN_FAULTS)),
  // On the redirect of the authorization endpoint:
  iss: v.optional(
    v.picklist(['present', 'absent', 'empty', 'wrong', 'duplicated', 'without_https']),
  ),
  state: v.optional(v.picklist(['absent', 'wrong', 'duplicated'])),
  // Or the answer is changed.
  set: v.optional(v.record(v.string(), v.unknown())),
  omit: v.optional(v.array(v.string())),
  truncate: v.optional(yes),
  lose_answer: v.optional(yes),
})

/** The effects of a fault; empty if there is no fault. */
export type Effects = v.InferOutput<typeof effects>

type EffectName = keyof Effects

/** Effects that work at one endpoint only. */
const ONLY_AT: Partial<Record<EffectName, string>> = {
  api_error: 'api',
  rotate: 'token',
  scope: 'token',
  lasts_seconds: 'token',
  id_token: 'token',
  iss: 'authorize',
  state: 'authorize',
}

/** Endpoints whose answers are not JSON, so `set` and `omit` do not work there. */
const NOT_JSON = ['authorize', 'media', 'api:library.uploads']

const faultSchema = v.strictObject({
  at: v.picklist(PLACES),
  times: v.optional(
    v.union([v.literal('always'), v.pipe(v.number(), v.integer(), v.minValue(1))]),
    1,
  ),
  do: effects,
})

/** A fault in the list. */
export type Fault = v.InferOutput<typeof faultSchema>

/** A fault to add to the list. */
export type FaultRequest = v.InferInput<typeof faultSchema>

/** Reads one fault or a list of them. @throws {TypeError} that names the part which is not valid */
export function parseFaults(value: unknown): Fault[] {
  return (Array.isArray(value) ? value : [value]).map((fault, index) => {
    const parsed = v.safeParse(faultSchema, fault)
    if (!parsed.success) {
      const why = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? ''}: ${issue.message}`)
      throw new TypeError(`fault ${index}: ${why.join('; ')}`)
    }
    const why = whyUseless(parsed.output)
    if (why !== undefined) throw new TypeError(`fault ${index}: ${why}`)
    return parsed.output
  })
}

/** Whether a fault at `place` applies to a call at `at`. */
export function matches(place: string, at: string): boolean {
  return at === place || at.startsWith(`${place}:`)
}

function whyUseless({ at, do: effects }: Fault): string | undefined {
  const names = Object.keys(effects) as EffectName[]
  if (names.length === 0) return 'do: names no effect'
  for (const name of names) {
    const place = ONLY_AT[name]
    if (place !== undefined && !matches(place, at)) return `do.${name}: only works at ${place}`
    if ((name === 'set' || name === 'omit') && NOT_JSON.includes(at))
      return `do.${name}: only works where the answer is JSON`
  }
  return undefined
}
