/** This file is what is deployed and what pages load, in bytes: the Worker by its dependencies, the browser modules as they travel. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import type { Production } from '../bundles.ts'
import { ROOT } from '../machine.ts'
import { number, type Section } from '../section.ts'

const KIB = 1024
/** The package that a path is in. */
const PACKAGE = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/
const MODULES = ['client.js', 'photos.js']

/** Weighs. */
export async function measureSize(production: Production): Promise<Section> {
  const worker = await readFile(production.path)
  const gzip = gzipSync(worker).length
  const modules = await Promise.all(
    MODULES.map(async (name) => ({
      name,
      contents: await readFile(join(ROOT, 'dist/client', name)),
    })),
  )
  const foreign = await packagesOfModules()
  return {
    title: 'Size',
    how: 'The production build, with the part each dependency has in it before compression; the browser modules as the broker serves them.',
    tables: [
      { head: ['Worker, by dependency', 'bytes', 'part'], rows: byDependency(production) },
      {
        head: ['file', 'bytes', 'gzip', 'brotli'],
        rows: [{ name: 'Worker', contents: worker }, ...modules].map(({ name, contents }) => [
          name,
          number(contents.length),
          number(gzipSync(contents).length),
          number(brotliCompressSync(contents).length),
        ]),
      },
    ],
    meaning: [
      `A page that loads the SDK and the Photos module gets ${number(modules.reduce((sum, { contents }) => sum + brotliCompressSync(contents).length, 0))} bytes once, and not again until they change.`,
    ],
    budgets: [
      {
        what: 'deployed Worker',
        limit: '≤ 60 KiB gzip',
        measured: gzip / KIB,
        ...{ bound: 60, kind: 'at most', unit: 'KiB' },
      },
      ...modules.map(({ name, contents }) => ({
        what: `${name}`,
        limit: '≤ 4 KiB brotli',
        measured: brotliCompressSync(contents).length / KIB,
        ...({ bound: 4, kind: 'at most', unit: 'KiB' } as const),
      })),
      {
        what: 'dependencies of the browser modules',
        limit: '0',
        measured: foreign.size,
        ...{ bound: 0, kind: 'exactly', unit: '' },
      },
    ],
  }
}

/** The packages that the browser modules are made of, beside our own sources. */
async function packagesOfModules(): Promise<Set<string>> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/client/index.ts', 'src/client/photos/index.ts'],
    ...{ bundle: true, write: false, metafile: true, format: 'esm', outdir: '.' },
  })
  return new Set(Object.keys(metafile.inputs).flatMap((path) => PACKAGE.exec(path)?.[1] ?? []))
}

/** What each package has of the Worker's bytes, the largest first. */
function byDependency({ metafile }: Production): string[][] {
  const sums = new Map<string, number>()
  const output = Object.entries(metafile.outputs).find(([path]) => path.endsWith('.js'))?.[1]
  for (const [path, { bytesInOutput }] of Object.entries(output?.inputs ?? {})) {
    const [, name = 'src'] = PACKAGE.exec(path) ?? []
    sums.set(name, (sums.get(name) ?? 0) + bytesInOutput)
  }
  const all = [...sums.values()].reduce((sum, bytes) => sum + bytes, 0)
  return [...sums]
    .filter(([, bytes]) => bytes > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([name, bytes]) => [name, number(bytes), `${Math.round((bytes / all) * 100)} %`])
}
