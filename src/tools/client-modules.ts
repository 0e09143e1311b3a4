/** The build of the browser modules: `/client.js` and `/photos.js`, minified, with their types. */

import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompressSync } from 'node:zlib'
import { build, type Plugin, stop } from 'esbuild'
import { type MinifyOptions, minify } from 'terser'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** The folder of the modules, for wrangler.toml and the npm package. */
export const CLIENT_FOLDER = join(ROOT, 'dist/client')
const ENTRIES = { client: 'src/client/index.ts', photos: 'src/client/photos/index.ts' }

/** Has the Photos module import the SDK as pages do, so that there is one class `BrokerError`. */
const besideTheSdk: Plugin = {
  name: 'beside the SDK',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.\/index\.ts$/ }, () => ({ path: './client.js', external: true }))
  },
}

/** Minified with terser, a module is a tenth smaller than with esbuild. */
const MINIFY: MinifyOptions = {
  module: true,
  ecma: 2020,
  compress: { passes: 3, unsafe_arrows: true, pure_getters: true },
  toplevel: true,
}

/**
 * Builds the modules; writes only those that changed, since another build may be reading them.
 *
 * @returns the names of the modules, and their sizes as they are sent
 */
export async function buildClient(): Promise<{ name: string; brotli_bytes: number }[]> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ENTRIES,
    outdir: CLIENT_FOLDER,
    write: false,
    bundle: true,
    format: 'esm',
    target: ['chrome100', 'firefox97', 'safari15.4'],
    legalComments: 'none',
    plugins: [besideTheSdk],
  })
  await stop() // or its process would run as long as ours
  await mkdir(CLIENT_FOLDER, { recursive: true })
  const modules = outputFiles.map(async ({ path, text }) => {
    const { code = '' } = await minify(text, MINIFY)
    await writeIfChanged(path, code)
    return { name: basename(path), brotli_bytes: brotliCompressSync(code).length }
  })
  return Promise.all(modules)
}

async function writeIfChanged(path: string, code: string): Promise<void> {
  const old = await readFile(path, 'utf8').catch(() => undefined)
  if (old !== code) await writeFile(path, code)
}

/** Writes `dist/types`, for the npm package. */
export async function buildClientTypes(): Promise<void> {
  const tsc = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')))
  const options =
    '-p src/client --outDir dist/types --noEmit false --declaration --emitDeclarationOnly'
  await promisify(execFile)(process.execPath, [tsc, ...options.split(' ')], { cwd: ROOT })
}
