/** The size of what is deployed and of what pages load: the Worker by its dependencies, and the browser modules. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { CLIENT_FOLDER } from '../../../src/tools/client-modules.ts'
import type { Production } from '../bundles.ts'
import { type Cell, number, type Section } from '../section.ts'

const KIB = 1024

/** The most a Worker may be on the free plan, compressed; https://developers.cloudflare.com/workers/platform/limits/#worker-size. */
const FREE_MIB = 3

/** Finds the package of a path. */
const PACKAGE = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/

/** The name for code that is in no package. */
const OURS = 'src'
const MODULES = ['client.js', 'photos.js', 'picker.js']

/** Measures the sizes. */
export async function measureSize(production: Production): Promise<Section> {
  const worker = await readFile(production.path)
  const gzip = gzipSync(worker).length
  const modules = await Promise.all(
    MODULES.map(async (name) => ({
      name,
      contents: await readFile(join(CLIENT_FOLDER, name)),
    })),
  )
  const foreign = await importsOfOthers()
  return {
    title: 'Size',
    how: 'The production build, with the part of each dependency in it, and the browser modules as the broker serves them.',
    tables: [
      {
        head: ['Worker, by dependency', 'bytes', 'part'],
        rows: byDependency(production),
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
      `The Worker is ${number((gzip / KIB / KIB / FREE_MIB) * 100)} % of the limit of Cloudflare's free plan.`,
      `A page that loads the SDK, the Photos module and the web component loads ${number(modules.reduce((sum, { contents }) => sum + brotliCompressSync(contents).length, 0))} bytes, once until they change.`,
    ],
    budgets: [
      {
        what: 'deployed Worker',
        limit: '≤ 80 KiB gzip',
        measured: gzip / KIB,
        ...{ bound: 80, kind: 'at most', unit: 'KiB' },
      },
      ...modules.map(({ name, contents }) => ({
        what: name,
        limit: '≤ 6 KiB (6 144 bytes) brotli',
        measured: brotliCompressSync(contents).length,
        ...({ bound: 6 * KIB, kind: 'at most', unit: 'bytes' } as const),
      })),
      {
        what: 'dependencies of the browser modules',
        limit: '0',
        measured: foreign.length,
        ...{ bound: 0, kind: 'exactly', unit: '' },
      },
    ],
  }
}

/** Lists what the browser modules import beside each other. */
async function importsOfOthers(): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: CLIENT_FOLDER,
    entryPoints: MODULES,
    ...{ bundle: true, external: ['*'], write: false, metafile: true, format: 'esm', outdir: '.' },
  })
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports)
  return imports.map(({ path }) => path).filter((path) => !MODULES.includes(path.replace('./', '')))
}

/** Lists the bytes of each package in the Worker, the largest first. */
function byDependency({ metafile }: Production): Cell[][] {
  const sums = new Map<string, number>()
  const output = Object.entries(metafile.outputs).find(([path]) => path.endsWith('.js'))?.[1]
  for (const [path, { bytesInOutput }] of Object.entries(output?.inputs ?? {})) {
    if (bytesInOutput === 0) continue
    const [, name = OURS] = PACKAGE.exec(path) ?? []
    sums.set(name, (sums.get(name) ?? 0) + bytesInOutput)
  }
  const all = [...sums.values()].reduce((sum, bytes) => sum + bytes, 0)
  const sorted = [...sums].sort(([, a], [, b]) => b - a)
  return sorted.map(([name, bytes]) => [name, bytes, `${Math.round((bytes / all) * 100)} %`])
}
