/** This file is the proof that the table of conformance cites tests that exist. */

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const TESTS = new URL('../', import.meta.url)
const RFCS = [6749, 7636, 7009, 8414, 8693, 9126, 9207, 9449, 9700]

interface Row {
  requirement: string
  section: string
  test: string
}

const table = readFileSync(new URL('conformance.md', TESTS), 'utf8')

const rows: Row[] = table
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| Requirement '))
  .map((line) => {
    const [requirement = '', section = '', test = ''] = line.slice(2, -2).split(' | ')
    return { requirement, section, test }
  })

const citations = [...new Set(rows.flatMap(citationsOf))]

function citationsOf({ test }: Row): string[] {
  return [...test.matchAll(/`([^`]+\.test\.ts › [^`]+)`/g)].map(([, citation = '']) => citation)
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

describe('the table of conformance', () => {
  it.each(RFCS)('has a part on RFC %i', (rfc) => {
    expect(table).toContain(`## RFC ${rfc}, `)
  })

  it('has a section in every row, and a test or the reason why there is none', () => {
    expect(rows.length).toBeGreaterThan(100)
    for (const row of rows) {
      const isReasoned = /^(Does not apply|Not so by design): .{10}/.test(row.test)
      expect(row.section, row.requirement).toMatch(/§|App\./)
      expect(isReasoned || citationsOf(row).length > 0, row.requirement).toBe(true)
      expect(row.test, row.requirement).not.toMatch(/\.test\.ts(?! › )/)
    }
  })

  it.each(citations)('cites what there is: %s', (citation) => {
    const [file = '', outermost, ...inner] = citation.split(' › ')
    const block = blocksOf(file).find(([title]) => title === outermost)
    expect(block).toEqual(expect.arrayContaining([outermost, ...inner]))
  })

  it('calls not met what is red on purpose, and nothing else', () => {
    for (const { requirement, test } of rows) {
      const isRed = test.includes('oauth/deviations.test.ts')
      expect(test.includes('**Not met**'), requirement).toBe(isRed)
    }
  })
})
