/** This file is the proof that the tables of conformance are whole, and cite tests that exist. */

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const TESTS = new URL('../', import.meta.url)
const RFCS = [6749, 7636, 7009, 8414, 8417, 8935, 8693, 9126, 9207, 9449, 9700]
const REQUIREMENTS = Array.from({ length: 89 }, (_, at) => `TMB-${String(at + 1).padStart(2, '0')}`)

/** A reason there is no test, or that a test shows something else than was asked for. */
const REASON = /(?:Does not apply|Not so by design): .{10}/

const [rfcs, security] = ['rfcs.md', 'README.md'].map((file) =>
  readFileSync(new URL(`conformance/${file}`, TESTS), 'utf8'),
) as [string, string]

const rfcRows = rowsOf(rfcs).map(([requirement = '', section = '', test = '']) => ({
  ...{ requirement, section, test },
}))
const requirements = rowsOf(security)
  .filter(([id]) => id?.startsWith('TMB-'))
  .map(([id = '', level = '', asks = '', test = '']) => ({ id, level, asks, test }))
const attacks = rowsOf(security)
  .filter(([attack]) => /^\d+, /.test(attack ?? ''))
  .map(([attack = '', expected = '', test = '']) => ({ attack, expected, test }))

const citations = [...new Set([rfcs, security].flatMap(citationsOf))]

/** The cells of each row of a text's tables, but for their heads. */
function rowsOf(text: string): string[][] {
  const lines = text.split('\n')
  const isHead = (at: number): boolean => /^\|[-|]+\|$/.test(lines[at + 1] ?? '')
  return lines
    .filter((line, at) => line.startsWith('| ') && !isHead(at))
    .map((line) => line.slice(2, -2).split(' | '))
}

function citationsOf(text: string): string[] {
  return [...text.matchAll(/`([^`]+\.test\.ts › [^`]+)`/g)].map(([, citation = '']) => citation)
}

/** The titles in each outermost block of a file, which begins at the start of a line; the block's own comes first. */
function blocksOf(file: string): string[][] {
  const files = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
  if (!files.includes(file)) return []
  const text = readFileSync(new URL(file, TESTS), 'utf8')
  return text
    .split(/^(?=describe|it)/m)
    .map((block) => [...block.matchAll(/\(\s*(['"`])(.+?)\1,\s*(?:async )?\(/g)])
    .map((matches) => matches.map(([, , title = '']) => title))
}

describe('the table of the RFCs', () => {
  it.each(RFCS)('has a part on RFC %i', (rfc) => {
    expect(rfcs).toContain(`## RFC ${rfc}, `)
  })

  it('has a section in every row, and a test or the reason why there is none', () => {
    expect(rfcRows.length).toBeGreaterThan(100)
    for (const { requirement, section, test } of rfcRows) {
      expect(section, requirement).toMatch(/§|App\./)
      expect(REASON.test(test) || citationsOf(test).length > 0, requirement).toBe(true)
    }
  })

  it('calls not met what is red on purpose, and nothing else', () => {
    for (const { requirement, test } of rfcRows) {
      const isRed = test.includes('oauth/deviations.test.ts')
      expect(test.includes('**Not met**'), requirement).toBe(isRed)
    }
  })
})

describe('the table of security', () => {
  it('has every requirement once, in order, with its level and what it asks for', () => {
    expect(requirements.map(({ id }) => id)).toEqual(REQUIREMENTS)
    for (const { id, level, asks } of requirements) {
      expect(['MUST', 'SHOULD', 'STRETCH'], id).toContain(level)
      expect(asks.length, id).toBeGreaterThan(10)
    }
    const levels = ['MUST', 'SHOULD', 'STRETCH'].map(
      (level) => requirements.filter((row) => row.level === level).length,
    )
    expect(levels).toEqual([76, 10, 3])
  })

  it('has a test or a reason for each, and a test for each MUST', () => {
    for (const { id, level, test } of requirements) {
      const hasTest = citationsOf(test).length > 0
      expect(hasTest || (level !== 'MUST' && REASON.test(test)), id).toBe(true)
    }
  })

  it('has the fifteen attacks, each with a test and what has to come of it', () => {
    expect(attacks.map(({ attack }) => Number.parseInt(attack, 10))).toEqual(
      Array.from({ length: 15 }, (_, at) => at + 1),
    )
    for (const { attack, expected, test } of attacks) {
      expect(expected.length, attack).toBeGreaterThan(10)
      expect(citationsOf(test).length, attack).toBeGreaterThan(0)
    }
  })
})

describe('a table', () => {
  it('cites whole titles only', () => {
    for (const cells of [...rowsOf(rfcs), ...rowsOf(security)])
      expect(cells.at(-1)).not.toMatch(/\.test\.ts(?! › )/)
  })

  it.each(citations)('cites what there is: %s', (citation) => {
    const [file = '', outermost, ...inner] = citation.split(' › ')
    const block = blocksOf(file).find(
      ([title, ...titles]) => title === outermost && inner.every((one) => titles.includes(one)),
    )
    expect(block).toBeDefined()
  })
})
