/** `npm run measure`: how large the code is and how it hangs together, in one table. */

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'
import { REPORT } from './support/report.ts'

/** What is read off one file. */
interface Measured {
  path: string
  lines: number
  /** Lines of each function. */
  functions: number[]
  /** Paths of the files it imports, and whether only types. */
  imports: { to: string; isType: boolean }[]
  /** Exported declarations without a doc comment. */
  undocumented: string[]
}

const root = join(import.meta.dirname, '..')
const tracked = execFileSync('git', ['ls-files', 'src', 'test'], { cwd: root, encoding: 'utf8' })
const paths = tracked.split('\n').filter((path) => path !== '' && existsSync(join(root, path)))
const files = paths.filter((path) => /\.ts$/.test(path) && !path.endsWith('env.d.ts')).map(measure)
const [src, test] = ['src/', 'test/'].map((folder) =>
  files.filter(({ path }) => path.startsWith(folder)),
) as [Measured[], Measured[]]
const product = src.filter(({ path }) => !/^src\/(?:simulator|demo)\//.test(path))

console.table({
  ...sizes('src', src),
  ...sizes('src without simulator and demo', product),
  ...sizes('test', test),
  'test, all files without lock files': { value: linesOfTest() },
  'functions of src': { value: src.flatMap(({ functions }) => functions).length },
  'median function, lines': { value: median(src.flatMap(({ functions }) => functions)) },
  'longest function, lines': { value: Math.max(...src.flatMap(({ functions }) => functions)) },
  'import cycles, types counted': { value: cycles(src, true) },
  'import cycles, types not counted': { value: cycles(src, false) },
  'exported names without a doc comment': { value: src.flatMap((one) => one.undocumented).length },
  'README, lines': {
    value: readFileSync(join(root, 'README.md'), 'utf8').trimEnd().split('\n').length,
  },
  'README, words': { value: readFileSync(join(root, 'README.md'), 'utf8').split(/\s+/).length },
  ...testSeconds(),
})
for (const { path, undocumented } of src)
  if (undocumented.length > 0) console.log(`no doc comment: ${path}: ${undocumented.join(', ')}`)

function measure(path: string): Measured {
  const text = readFileSync(join(root, path), 'utf8')
  const { program, comments } = parseSync(path, text)
  const lineAt = (offset: number): number => text.slice(0, offset).split('\n').length
  const measured: Measured = {
    path,
    lines: linesIn(text),
    functions: [],
    imports: [],
    undocumented: [],
  }
  const length = ({ start, end }: { start: number; end: number }): void =>
    void measured.functions.push(lineAt(end) - lineAt(start) + 1)
  const isDocumented = (start: number): boolean =>
    comments.some(
      ({ type, value, end }) =>
        type === 'Block' && value.startsWith('*') && text.slice(end, start).trim() === '',
    )
  const add = (source: string, isType: boolean): void => {
    if (source.startsWith('.')) measured.imports.push({ to: join(dirname(path), source), isType })
  }
  new Visitor({
    FunctionDeclaration: length,
    FunctionExpression: length,
    ArrowFunctionExpression: length,
    ImportDeclaration({ source, importKind, specifiers }) {
      const areTypes =
        specifiers.length > 0 &&
        specifiers.every((one) => 'importKind' in one && one.importKind === 'type')
      add(source.value, importKind === 'type' || areTypes)
    },
    ExportNamedDeclaration({ source, exportKind, declaration, start }) {
      if (source) add(source.value, exportKind === 'type')
      if (declaration && !isDocumented(start))
        measured.undocumented.push(text.slice(start, start + 60).split('\n')[0] ?? '')
    },
  }).visit(program)
  return measured
}

function sizes(name: string, of: readonly Measured[]): Record<string, { value: number | string }> {
  const lines = of.map((one) => one.lines)
  const longest = of.find((one) => one.lines === Math.max(...lines))
  return {
    [`${name}: files`]: { value: of.length },
    [`${name}: lines`]: { value: lines.reduce((sum, count) => sum + count, 0) },
    [`${name}: median file`]: { value: median(lines) },
    [`${name}: longest file`]: { value: `${longest?.lines} ${longest?.path}` },
  }
}

function linesOfTest(): number {
  const texts = paths.filter(
    (path) => path.startsWith('test/') && !path.endsWith('package-lock.json'),
  )
  return texts.reduce((sum, path) => sum + linesIn(readFileSync(join(root, path), 'utf8')), 0)
}

function linesIn(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}

/** Counts the groups of files that import one another in a circle (Tarjan's strongly connected components). */
function cycles(of: readonly Measured[], withTypes: boolean): number {
  const edges = new Map(
    of.map(({ path, imports }) => [
      path,
      imports.filter(({ isType }) => withTypes || !isType).map(({ to }) => to),
    ]),
  )
  const order = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  let found = 0
  const visit = (path: string): void => {
    order.set(path, order.size)
    low.set(path, order.get(path) ?? 0)
    stack.push(path)
    for (const to of edges.get(path) ?? []) {
      if (!order.has(to)) visit(to)
      if (stack.includes(to)) low.set(path, Math.min(low.get(path) ?? 0, low.get(to) ?? 0))
    }
    if (low.get(path) !== order.get(path)) return
    const group = stack.splice(stack.indexOf(path))
    if (group.length > 1) found++
  }
  for (const path of edges.keys()) if (!order.has(path)) visit(path)
  return found
}

/** What the last whole `npm test` reported of itself. */
function testSeconds(): Record<string, { value: number | string }> {
  if (!existsSync(REPORT)) return { 'npm test, seconds': { value: 'not run yet' } }
  const { seconds, projects } = JSON.parse(readFileSync(REPORT, 'utf8')) as {
    seconds: number
    projects: Record<string, number>
  }
  const rows = Object.entries(projects).map(([name, value]) => [
    `npm test, ${name}, seconds of tests`,
    { value },
  ])
  return { 'npm test, seconds': { value: seconds }, ...Object.fromEntries(rows) }
}
