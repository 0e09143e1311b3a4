/**
 * This file is the vocabulary of faults: where this Google misbehaves, how often, and how.
 *
 *     { "at": "token:refresh_token", "times": 2, "do": { "status": 503, "retry_after": 30 } }
 *
 * A call takes the first fault in the list that fits it. The effects of one fault happen in the order below.
 */

import * as v from 'valibot'
import { API_METHODS } from '../photos/methods.ts'

/** Where a fault can be. A name also stands for everything below it: `token` for `token:refresh_token`. */
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

/** What can be wrong with an ID token. */
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
  // First, it makes the caller wait.
  delay_ms: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(600_000))),
  hang: v.optional(yes),
  // Instead of doing what was asked, it answers something else.
  status: v.optional(v.pipe(v.number(), v.integer(), v.minValue(200), v.maxValue(599))),
  body: v.optional(v.unknown()),
  headers: v.optional(v.record(v.string(), v.string())),
  retry_after: v.optional(v.union([seconds, v.string()])),
  error: v.optional(v.string()),
  error_subtype: v.optional(v.string()),
  error_description: v.optional(v.string()),
  html: v.optional(yes),
  garbage: v.optional(yes),
  redirect: v.optional(v.pipe(v.string(), v.url())),
  big_body_bytes: v.optional(v.pipe(v.number(), v.integer(), v.maxValue(64 * 1024 * 1024))),
  // It does what was asked, but not quite. At the token endpoint:
  rotate: v.optional(yes),
  scope: v.optional(
    v.strictObject({
      add: v.optional(v.array(v.string())),
      drop: v.optional(v.array(v.string())),
    }),
  ),
  lasts_seconds: v.optional(seconds),
  id_token: v.optional(v.picklist(ID_TOKEN_FAULTS)),
  // On the redirect back from the authorization endpoint:
  iss: v.optional(
    v.picklist(['present', 'absent', 'empty', 'wrong', 'duplicated', 'without_https']),
  ),
  state: v.optional(v.picklist(['absent', 'wrong', 'duplicated'])),
  // It does what was asked, but says it badly.
  set: v.optional(v.record(v.string(), v.unknown())),
  omit: v.optional(v.array(v.string())),
  truncate: v.optional(yes),
  lose_answer: v.optional(yes),
})

/** What a fault does; empty is no fault at all. */
export type Effects = v.InferOutput<typeof effects>

type EffectName = keyof Effects

/** Effects that make sense in one place only. */
const ONLY_AT: Partial<Record<EffectName, string>> = {
  rotate: 'token',
  scope: 'token',
  lasts_seconds: 'token',
  id_token: 'token',
  iss: 'authorize',
  state: 'authorize',
}

/** Places whose answers are no JSON, so that no member of theirs can be changed. */
const NOT_JSON = ['authorize', 'media', 'api:library.uploads']

const faultSchema = v.strictObject({
  at: v.picklist(PLACES),
  times: v.optional(
    v.union([v.literal('always'), v.pipe(v.number(), v.integer(), v.minValue(1))]),
    1,
  ),
  do: effects,
})

/** A fault as it is kept. */
export type Fault = v.InferOutput<typeof faultSchema>

/** A fault as it is asked for. */
export type FaultRequest = v.InferInput<typeof faultSchema>

/**
 * Reads one fault or a list of them.
 *
 * @throws {TypeError} that explains what is not understood
 */
export function parseFaults(value: unknown): Fault[] {
  return (Array.isArray(value) ? value : [value]).map((one, index) => {
    const parsed = v.safeParse(faultSchema, one)
    if (!parsed.success) {
      const why = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? ''}: ${issue.message}`)
      throw new TypeError(`fault ${index}: ${why.join('; ')}`)
    }
    const why = whyMeaningless(parsed.output)
    if (why !== undefined) throw new TypeError(`fault ${index}: ${why}`)
    return parsed.output
  })
}

/** Tells whether what is said of `place` holds for a call at `at`. */
export function matches(place: string, at: string): boolean {
  return at === place || at.startsWith(`${place}:`)
}

function whyMeaningless({ at, do: effects }: Fault): string | undefined {
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
