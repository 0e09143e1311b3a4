/** The scope tool: says which scopes API methods need, and which bundle has them. */

import { type Bundle, parseBundles } from '../../config/bundles.ts'
import { readValue } from '../../config/read.ts'
import { scopesOddities } from '../../config/scope-rules.ts'
import { SETTINGS } from '../../config/settings.ts'
import { METHODS, type Method, REMOVED_ON } from '../../scope/catalog.ts'
import { type ScopeSet, shortName } from '../../scope/scopes.ts'
import { fail, type Line, runCommand, say, WRANGLER_TOML } from '../command-line.ts'
import { methodsNamed, type Need, nearestMethods, needsOf, unneededScopes } from './solver.ts'

const USAGE = `Usage: npm run scopes -- [METHOD...] [--methods] [--json] [--config PATH]

  METHOD         say which scopes these methods need, and which bundle has them:
                 npm run scopes -- mediaItems.list albums.create
  (none)         list the configured bundles and what each allows
  --methods      list every method of the Photos APIs
  --json         answer in JSON
  --config PATH  read the bundles from there instead of wrangler.toml
  --help         this text

Exit code: 0; 1 if the bundles cannot be read or are wrong; 2 if a method or
an option is unknown.`

const OPTIONS = {
  methods: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  config: { type: 'string', default: WRANGLER_TOML },
} as const

await runCommand({ usage: USAGE, options: OPTIONS, takesNames: true, run })

async function run({ values, positionals: names }: Line<typeof OPTIONS>): Promise<number> {
  const print = (answer: object, lines: readonly string[]): 0 =>
    say(values.json ? JSON.stringify(answer, null, 2) : lines.join('\n'))
  if (values.methods) return print({ methods: METHODS }, METHODS.map(formatMethod))
  const { unstable_readConfig } = await import('wrangler') // a second to load: not for --help
  const { vars } = unstable_readConfig({ config: values.config }, { hideWarnings: true })
  const others = readValue(SETTINGS.entries.OTHER_SCOPES, vars['OTHER_SCOPES'], 'OTHER_SCOPES', '')
  const parsed = parseBundles(vars['BUNDLES'], others.output)
  const { bundles, warnings } = parsed
  const problems = [...others.problems, ...parsed.problems]
  for (const sentence of [...problems, ...warnings]) fail(1, sentence)
  const unknown = names
    .filter((name) => methodsNamed(name).length === 0)
    .map((name) => ({ name, nearest: nearestMethods(name) }))
  if (unknown.length > 0) {
    if (values.json) print({ unknown, needs: [] }, [])
    else fail(2, ...unknown.map(formatUnknown))
    return 2
  }
  if (names.length > 0) {
    const needs = needsOf(names, bundles)
    print({ unknown, needs }, needs.flatMap(formatNeed))
  } else {
    const all = [...bundles.values()]
    const reviews = all.map((one) => ({ ...one, unneeded: unneededScopes(one.scopes) }))
    print({ bundles: reviews }, [...reviews.flatMap(formatReview), USAGE])
  }
  return problems.length > 0 ? 1 : 0
}

function formatReview(bundle: Bundle & { unneeded: ScopeSet }): string[] {
  const { name, reason, scopes, methods, unneeded } = bundle
  return [
    `${name}: ${reason}`,
    `  scopes: ${list(scopes)}`,
    `  methods: ${methods.join(', ')}`,
    ...(unneeded.length > 0 ? [`  unneeded: ${list(unneeded)}. Leave it out.`] : []),
    '',
  ]
}

function formatNeed({ methods, scopes, bundle, suggestion }: Need): string[] {
  const lines = ['Methods:', ...methods.map(formatMethod)]
  if (scopes.length === 0) return [...lines, 'No scope allows that, so no bundle can.', '']
  lines.push(`Smallest set of scopes: ${list(scopes)}`)
  if (bundle) {
    const more = bundle.methods.filter((id) => !methods.some((method) => method.id === id))
    lines.push(`Configured bundle: ${bundle.name} (${bundle.reason})`)
    lines.push(`  also allows: ${more.join(', ') || 'nothing'}`)
  }
  if (suggestion) {
    const names = suggestion.scopes.map((scope) => JSON.stringify(shortName(scope)))
    lines.push('No configured bundle allows that. One that does, for wrangler.toml:', '')
    lines.push(`[vars.BUNDLES.${suggestion.name}]`, `scopes = [${names.join(', ')}]`)
    lines.push(`reason = ${JSON.stringify(suggestion.reason)}`)
    lines.push(...scopesOddities(suggestion.scopes))
  }
  return [...lines, '']
}

function formatMethod({ id, http, scopes }: Method): string {
  const needs = scopes.map(shortName).join(' or ') || `none since ${REMOVED_ON}`
  return `  ${id}: ${http ? `${http}, ` : ''}scope ${needs}`
}

function formatUnknown({ name, nearest }: { name: string; nearest: readonly string[] }): string {
  const hint = nearest.length > 0 ? `The nearest: ${nearest.join(', ')}.` : 'See --methods.'
  return `No method of the Photos APIs is called ${JSON.stringify(name)}. ${hint}`
}

function list(scopes: readonly string[]): string {
  return scopes.map(shortName).join(', ')
}
