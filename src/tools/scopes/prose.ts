/** This file is the prose: what the scope tool says, as plain text. */

import { scopesOddities } from '../../config/scope-rules.ts'
import { type Method, REMOVED_ON } from '../../scope/catalog.ts'
import { shortName } from '../../scope/scopes.ts'
import type { BundleReview, Explanation, Need } from './explain.ts'
import { formatToml } from './suggestion.ts'

const COLUMNS = 80
const INDENT = '  '

/** Tells what names of methods mean and need; of unknown names only that they are. */
export function tellExplanation({ unknown, ambiguous, settled, needs }: Explanation): string {
  if (unknown.length > 0) return unknown.map(tellUnknown).join('')
  const preface = ambiguous.map(({ name, methods }) => {
    const taken = methods.find(({ api }) => api === settled)
    const both = `"${name}" is a method of both APIs: ${list(methods.map(({ id }) => id))}.`
    const choice = taken
      ? `Here it is ${taken.id}, as the others are of the ${taken.api}.`
      : 'Nothing here says which is meant, so both follow.'
    return `${both}\n${choice}\n`
  })
  return [...preface, ...needs.map((need) => tellNeed(need, needs.length > 1))].join('\n')
}

/** Tells what each configured bundle asks for and allows. */
export function tellReview(bundles: readonly BundleReview[]): string {
  return bundles.map(tellBundle).join('\n')
}

/** Tells every method with the scopes that allow it. */
export function tellMethods(methods: readonly Method[]): string {
  return methods.map(tellMethod).join('')
}

function tellUnknown({ name, nearest }: Explanation['unknown'][number]): string {
  const hint = nearest.length > 0 ? `Did you mean ${list(nearest, 'or')}?` : 'See --methods.'
  return `No method of the Photos APIs is called ${JSON.stringify(name)}. ${hint}\n`
}

function tellNeed({ api, methods, scopes, bundle, suggestion }: Need, oneOfMany: boolean): string {
  const parts = [section('Methods', tellMethods(methods))]
  if (scopes.length === 0) parts.push('No scope allows that, so no bundle can.\n')
  else parts.push(section('Smallest set of scopes', lines(scopes.map(shortName))))
  if (bundle) parts.push(section('Tightest configured bundle', tellFit(bundle)))
  if (suggestion) {
    parts.push('No configured bundle allows that. One that does, for wrangler.toml:\n')
    parts.push(
      formatToml(suggestion),
      ...scopesOddities(suggestion.scopes).map((odd) => `${odd}\n`),
    )
  }
  const title = oneOfMany && api ? `=== If you mean the ${api} ===\n\n` : ''
  return title + parts.join('\n')
}

function tellMethod({ id, http, scopes }: Method): string {
  const names = scopes.map(shortName)
  const needs = names.length > 0 ? names.join(' or ') : `none since ${REMOVED_ON}`
  return lines([id, ...(http ? [`${INDENT}${http}`] : []), `${INDENT}scope: ${needs}`])
}

function tellFit({ name, reason, beyond, excess }: NonNullable<Need['bundle']>): string {
  const more =
    beyond.length > 0 ? wrap('It also allows ', beyond) : lines(['It allows nothing else.'])
  const asks = excess.length > 0 ? wrap('Not needed for this: ', excess.map(shortName)) : ''
  return lines([`${name}: ${reason}`]) + more + asks
}

function tellBundle({ name, reason, scopes, apis, methods, unneeded }: BundleReview): string {
  const idle = unneeded.map(shortName)
  return [
    `${name}: ${reason}\n`,
    wrap('scopes   ', scopes.map(shortName)),
    wrap('APIs     ', apis),
    wrap('methods  ', methods),
    idle.length > 0
      ? wrap('unneeded ', idle) + lines(['         (no API method takes it: leave it out)'])
      : '',
  ].join('')
}

function section(title: string, body: string): string {
  return `${title}\n${body}`
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${INDENT}${text}\n`).join('')
}

function list(words: readonly string[], conjunction = 'and'): string {
  const last = words.at(-1) ?? ''
  return words.length > 1 ? `${words.slice(0, -1).join(', ')} ${conjunction} ${last}` : last
}

/** Sets words behind a label, separated by commas, further lines below the first word. */
function wrap(label: string, words: readonly string[]): string {
  const rows: string[] = []
  let row = label
  for (const [index, word] of words.entries()) {
    const piece = index < words.length - 1 ? `${word}, ` : word
    if (row.trim() !== label.trim() && INDENT.length + row.length + piece.length > COLUMNS) {
      rows.push(row.trimEnd())
      row = ' '.repeat(label.length)
    }
    row += piece
  }
  return lines([...rows, row])
}
