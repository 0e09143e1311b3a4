/** What the documents promise: links resolve, every cited requirement is in the list, and each MUST has a test. */

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { SENTENCES } from '../../src/reasons.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((path) => existsSync(join(ROOT, path)))
const documents = files.filter((path) => path.endsWith('.md'))
const code = files.filter((path) => /^(?:src|test)\/.*\.ts$|^wrangler\.toml$/.test(path))
const tests = code.filter((path) => path.endsWith('.test.ts'))

/** The cells of each row of a document's tables. */
function rowsOf(path: string): string[][] {
  const lines = read(path).split('\n')
  return lines.filter((line) => line.startsWith('| ')).map((line) => line.slice(2, -2).split(' | '))
}

/** The ids that a text cites: `TMB-04`, `TMB-10 to 17`, `TMB-10 to TMB-17`. */
function idsIn(text: string): Set<string> {
  const ids = new Set<string>()
  for (const [, first = '', last = first] of text.matchAll(/TMB-(\d\d)(?: to (?:TMB-)?(\d\d))?/g))
    for (let id = Number(first); id <= Number(last); id++)
      ids.add(`TMB-${String(id).padStart(2, '0')}`)
  return ids
}

/** The name that GitHub gives the anchor of a heading. */
function anchorOf(heading: string): string {
  const text = heading.replace(/^#+ /, '').replaceAll('`', '')
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

it('src/routes/REASONS.md has the sentences of the code', async () => {
  const rows = Object.entries(SENTENCES).flatMap(([code, sentences]) =>
    Object.entries(sentences).map(([reason, text]) => `| \`${code}\` | \`${reason}\` | ${text} |`),
  )
  const text = `# Reasons

Why the broker refuses a request, or fails. The sentence is the \`error_description\`; in the log, \`reason\` is the word of the
middle column. \`{parameter}\` stands for the name of a parameter. What to do about each error is in
[Errors](README.md#errors). A test compares this table with [\`reasons.ts\`](../reasons.ts); \`npm test -- documents -u\` writes it.

| \`error\` | reason | sentence |
|---|---|---|
${rows.join('\n')}
`
  await expect(text).toMatchFileSnapshot(join(ROOT, 'src/routes/REASONS.md'))
})

describe('the documents', () => {
  const links = documents.flatMap((path) =>
    [...read(path).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target) => ({ path, target })),
  )

  it('link only to files and headings that exist', () => {
    expect(links.length).toBeGreaterThan(50)
    const broken = links.filter(({ path, target }) => {
      const [file = '', anchor] = target.split('#')
      const to = file === '' ? path : join(dirname(path), file)
      if (!existsSync(join(ROOT, to))) return true
      const headings = to.endsWith('.md') ? (read(to).match(/^#+ .+$/gm) ?? []) : []
      return anchor !== undefined && !headings.some((heading) => anchorOf(heading) === anchor)
    })
    expect(broken).toEqual([])
  })

  it('keep the README to one page', () => {
    const readme = read('README.md')
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(150)
    expect(readme.split(/\s+/).length).toBeLessThanOrEqual(1600)
  })
})

describe('the security requirements', () => {
  const listed = rowsOf('.github/SECURITY.md')
    .filter(([id]) => id?.startsWith('TMB-'))
    .map(([id = '', level = '', meaning = '']) => ({ id, level, meaning }))
  const ids = listed.map(({ id }) => id)

  it('are listed once each, in order, each with one sentence', () => {
    expect(ids).toEqual([...idsIn('TMB-01 to 94')])
    for (const { id, level, meaning } of listed) {
      expect(['MUST', 'SHOULD', 'STRETCH'], id).toContain(level)
      expect(meaning, id).toMatch(/^[A-Z`].{15,}/)
    }
  })

  it('are in the list wherever a file cites one', () => {
    for (const path of [...code, ...documents])
      for (const id of idsIn(read(path))) expect(ids, path).toContain(id)
  })

  it('have a test, each that is a MUST and is built', () => {
    const tested = new Set(tests.flatMap((path) => [...idsIn(read(path))]))
    const due = listed.filter(
      ({ level, meaning }) => level === 'MUST' && !meaning.includes('planned'),
    )
    expect(due.filter(({ id }) => !tested.has(id))).toEqual([])
  })
})

describe('the table of the RFCs', () => {
  const parts = read('test/conformance.md')
    .split(/^## RFC /m)
    .slice(1)

  it('has a file that cites the RFC in each row, or a reason', () => {
    expect(parts.length).toBeGreaterThan(10)
    for (const part of parts) {
      const [rfc = ''] = /^\d+/.exec(part) ?? []
      for (const line of part.split('\n').filter((row) => /^\| (?!Requirement)/.test(row))) {
        const cited = [...line.matchAll(/`([\w/-]+\.test\.ts)`/g)].map(([, path = '']) => path)
        const missing = cited.filter((path) => !tests.includes(`test/${path}`))
        expect(missing, line).toEqual([])
        const isReasoned = /(?:Does not apply|Not met by design): .{10}/.test(line)
        expect(isReasoned || cited.length > 0, `RFC ${rfc}: ${line}`).toBe(true)
      }
    }
  })
})
