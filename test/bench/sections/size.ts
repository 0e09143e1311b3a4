/** This file is what is deployed and what pages load, in bytes: the Worker by its dependencies, the browser modules as they travel. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import type { Production } from '../bundles.ts'
import { ROOT } from '../machine.ts'
import { type Cell, number, type Section } from '../section.ts'

const KIB = 1024

/** The most a Worker may be on the free plan, compressed; https://developers.cloudflare.com/workers/platform/limits/#worker-size. */
const FREE_MIB = 3

/** The package that a path is in. */
const PACKAGE = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/

/** What is in no package. */
const OURS = 'src'
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
    how: 'The production build, with the part each dependency has in it, and what it adds to the compressed whole: by how much that is smaller without it. The browser modules as the broker serves them.',
    tables: [
      {
        head: ['Worker, by dependency', 'bytes', 'part', 'gzip it adds'],
        rows: await byDependency(production),
      },
      {
        head: ['file', 'bytes', 'gzip', 'brotli'],
        rows: [{ name: 'Worker', contents: worker }, ...modules].map(({ name, contents }) => [
          ...[name, contents.length, gzipSync(contents).length],
          brotliCompressSync(contents).length,
        ]),
      },
    ],
    meaning: [
      `The Worker is ${number((gzip / KIB / KIB / FREE_MIB) * 100)} % of what Cloudflare's free plan takes, and is there in every location.`,
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
        what: name,
        limit: '≤ 4 KiB (4 096 bytes) brotli',
        measured: brotliCompressSync(contents).length,
        ...({ bound: 4 * KIB, kind: 'at most', unit: 'bytes' } as const),
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
async function byDependency({ metafile }: Production): Promise<Cell[][]> {
  const sums = new Map<string, number>()
  const output = Object.entries(metafile.outputs).find(([path]) => path.endsWith('.js'))?.[1]
  for (const [path, { bytesInOutput }] of Object.entries(output?.inputs ?? {})) {
    if (bytesInOutput === 0) continue
    const [, name = OURS] = PACKAGE.exec(path) ?? []
    sums.set(name, (sums.get(name) ?? 0) + bytesInOutput)
  }
  const all = [...sums.values()].reduce((sum, bytes) => sum + bytes, 0)
  const packages = [...sums.keys()].filter((name) => name !== OURS)
  const whole = await gzipWithout([])
  const rows = [...sums]
    .sort(([, a], [, b]) => b - a)
    .map(async ([name, bytes]): Promise<Cell[]> => {
      const adds = name === OURS ? await gzipWithout(packages) : whole - (await gzipWithout([name]))
      return [name, bytes, `${Math.round((bytes / all) * 100)} %`, adds]
    })
  return Promise.all(rows)
}

/** Bytes of the compressed Worker when these packages are somewhere else. */
async function gzipWithout(packages: readonly string[]): Promise<number> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/index.ts'],
    ...{ bundle: true, minify: true, write: false, format: 'esm', target: 'es2024' },
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*', ...packages],
  })
  return gzipSync(outputFiles[0]?.contents ?? '').length
}
