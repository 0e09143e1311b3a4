/** The browser modules: which there are, and their build for the broker, which serves them minified. */

import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import { type BuildOptions, build, type Plugin, stop } from 'esbuild'
import type { MinifyOptions } from 'terser'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SOURCES = join(ROOT, 'src/client')

/** A browser module: one file, at the broker and in the npm package. */
export interface BrowserModule {
  /** The name of the file, such as `photos.js`. */
  readonly file: string
  /** Its source below `src/client`. */
  readonly source: string
  /** Other sources whose exports it has too: no other module may have them again. */
  readonly also?: readonly string[]
  /** What follows the name of the package in an import of it: `.` for nothing. */
  readonly subpath: string
  /** Whether the broker serves it. Other modules need a bundler. */
  readonly isServed: boolean
  /** Set if importing it does something, such as defining an element. */
  readonly hasSideEffects?: true
  /** The notice of the libraries in it, as their licenses ask for. */
  readonly notice?: string
}

/** All browser modules. One that is added here is built for the broker, if it is served, and for the package. */
export const BROWSER_MODULES: readonly BrowserModule[] = [
  {
    file: 'client.js',
    source: 'index.ts',
    also: ['broker-error.ts'],
    subpath: '.',
    isServed: true,
  },
  {
    file: 'photos.js',
    source: 'photos/index.ts',
    subpath: './photos',
    isServed: true,
    notice: '/*! p-retry, is-network-error: MIT License, (c) Sindre Sorhus, sindresorhus.com */',
  },
  {
    file: 'picker.js',
    source: 'picker/index.ts',
    subpath: './picker',
    isServed: true,
    hasSideEffects: true,
  },
  { file: 'react.js', source: 'react/index.ts', subpath: './react', isServed: false },
]

/** The folder of the modules that the broker serves, for wrangler.toml. */
export const CLIENT_FOLDER: string = join(ROOT, 'dist/client')

/** The hash of each built module and of what it was built from. */
const STAMPS = join(ROOT, 'dist/client-stamps')

/** Minified with terser, a module is a tenth smaller than with esbuild. */
const MINIFY: MinifyOptions = {
  module: true,
  ecma: 2020,
  compress: { passes: 3, unsafe_arrows: true, pure_getters: true },
  toplevel: true,
  format: { comments: /^!/ },
}

/** What else a minified module depends on. It is read before the first use of terser, which changes the options it gets. */
const MINIFIER = `${createRequire(import.meta.url)('terser/package.json').version} ${JSON.stringify(MINIFY)}`

/**
 * Builds the modules that the broker serves; writes only those that changed, since another build may be reading them.
 *
 * @returns the names of the modules, and their sizes as they are sent
 */
export async function buildClient(): Promise<{ name: string; brotli_bytes: number }[]> {
  const served = BROWSER_MODULES.filter(({ isServed }) => isServed)
  const files = await bundleModules(served, CLIENT_FOLDER)
  await Promise.all([CLIENT_FOLDER, STAMPS].map((path) => mkdir(path, { recursive: true })))
  const modules = files.map(async ({ path, text }, index) => {
    const name = served[index]?.file ?? ''
    const code = await minifyOnce(path, join(STAMPS, name), text)
    return { name, brotli_bytes: brotliCompressSync(code).length }
  })
  return Promise.all(modules)
}

/** Minifies a bundle into a file, unless its stamp says that the file has it already: it takes longer than all the rest. */
async function minifyOnce(path: string, stamp: string, text: string): Promise<string> {
  const stampOf = (code: string): string =>
    createHash('sha256').update([text, code, MINIFIER].join('\0')).digest('hex')
  const [old, stamped] = await Promise.all([path, stamp].map(read))
  if (old !== undefined && stamped === stampOf(old)) return old
  const { minify } = await import('terser')
  const { code = '' } = await minify(text, MINIFY)
  if (old !== code) await writeFile(path, code)
  await writeFile(stamp, stampOf(code))
  return code
}

const read = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch(() => undefined)

/** Bundles modules, each into one readable file; writes none. @returns the files, in the order of the modules */
export async function bundleModules(
  modules: readonly BrowserModule[],
  folder: string,
  options: BuildOptions = {},
): Promise<{ path: string; text: string }[]> {
  const builds = modules.map((module) =>
    build({
      ...options,
      absWorkingDir: ROOT,
      entryPoints: [join(SOURCES, module.source)],
      outfile: join(folder, module.file),
      write: false,
      bundle: true,
      format: 'esm',
      target: ['chrome100', 'firefox97', 'safari15.4'],
      legalComments: 'none',
      banner: { js: module.notice ?? '' },
      external: ['react'],
      plugins: [besideTheOthers(module)],
    }),
  )
  const results = await Promise.all(builds)
  await stop() // or its process would run as long as ours
  return results.flatMap(({ outputFiles }) => outputFiles)
}

/** Has a module import the others as pages do, so that there is one of each, and one class `BrokerError`. */
function besideTheOthers(own: BrowserModule): Plugin {
  return {
    name: 'beside the others',
    setup({ onResolve }) {
      onResolve({ filter: /^\.{1,2}\// }, ({ path, resolveDir }) => {
        const target = join(resolveDir, path)
        const has = ({ source, also = [] }: BrowserModule): boolean =>
          [source, ...also].some((file) => join(SOURCES, file) === target)
        const other = BROWSER_MODULES.find(has)
        return other && other !== own ? { path: `./${other.file}`, external: true } : undefined
      })
    },
  }
}
