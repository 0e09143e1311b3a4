/** The bundles: scope sets with a name and a reason, read from `BUNDLES`. */

import * as v from 'valibot'
import { apisOf, methodsOf } from '../scope/catalog.ts'
import { type ScopeSet, SIGN_IN_SCOPES, scopeSet, without } from '../scope/scopes.ts'
import { readTable, text } from './read.ts'
import { ACTIVE_SCOPES, scopeProblem, scopesOddities } from './scope-rules.ts'

/** A scope set that frontends ask for by name. */
export interface Bundle {
  readonly name: string
  readonly scopes: ScopeSet
  /** Why the app asks for it, shown to users; at most 200 characters. */
  readonly reason: string
  /** APIs that its scopes open: `Photos Picker API`, `Photos Library API`. */
  readonly apis: readonly string[]
  /** Ids of the methods that its scopes allow: `library.albums.create`. */
  readonly methods: readonly string[]
}

/** Makes the rules for the table; `others` are the scopes of other Google APIs that are allowed. */
const tableOf = (others: readonly string[]) => ({
  variable: 'BUNDLES',
  name: /^(?!broker$)[a-z][a-z0-9-]{0,31}$/, // `broker` is the scope of the broker's own token
  wrong_name:
    'is a name that a bundle cannot have. Write up to 32 lower-case letters, digits and hyphens, a letter first, and not "broker".',
  entry: v.strictObject({
    scopes: v.pipe(
      v.array(
        v.pipe(
          v.string(`is not text. Write one of ${ACTIVE_SCOPES}.`),
          v.check(
            (name) => scopeProblem(name, others) === undefined,
            ({ input }) => scopeProblem(input, others) ?? '',
          ),
        ),
      ),
      v.check(
        (names) => without(scopeSet(names), SIGN_IN_SCOPES).length > 0,
        `gives no access to photos: sign-in scopes need no bundle. Add a scope of the Photos APIs: ${ACTIVE_SCOPES}.`,
      ),
    ),
    reason: text(
      (reason) => reason.trim() !== '' && reason.length <= 200,
      'is not a text of 1 to 200 characters. Write why you ask: reason = "Choose photos to show in this app".',
    ),
  }),
  example:
    'Write [vars.BUNDLES.pick] with scopes = ["photospicker.mediaitems.readonly"] and reason = "Choose photos to show in this app".',
})

/**
 * Reads `BUNDLES`, a table or its JSON; never throws.
 *
 * @param others full URLs of the scopes of other Google APIs that are allowed: `OTHER_SCOPES`
 * @returns the bundles that are right, by name; and every problem and warning, a sentence each
 */
export function parseBundles(
  given: unknown,
  others: readonly string[] = [],
): {
  bundles: ReadonlyMap<string, Bundle>
  problems: readonly string[]
  warnings: readonly string[]
} {
  const { entries, problems } = readTable(tableOf(others), given)
  const bundles = [...entries].map(([name, { scopes: names, reason }]): Bundle => {
    const scopes = scopeSet(names)
    return Object.freeze({ name, scopes, reason, apis: apisOf(scopes), methods: methodsOf(scopes) })
  })
  return {
    bundles: new Map(bundles.map((bundle) => [bundle.name, bundle])),
    problems,
    warnings: bundles.flatMap(({ name, scopes }) =>
      scopesOddities(scopes).map((oddity) => `BUNDLES.${name}: ${oddity}`),
    ),
  }
}
