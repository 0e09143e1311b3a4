/** The build of the browser modules: `/client.js` and `/photos.js`, minified, with their types. */

import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompressSync } from 'node:zlib'
import { build, type OutputFile, type Plugin, stop } from 'esbuild'
import { minify } from 'terser'

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

/** A built module. */
export interface BuiltModule {
  name: string
  /** Its size as it is sent. */
  brotli_bytes: number
}

/** Builds the modules; writes only those that changed, since another build may be reading them. */
export async function buildClient(): Promise<BuiltModule[]> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ENTRIES,
    outdir: CLIENT_FOLDER,
    write: false,
    bundle: true,
    format: 'esm',
    target: ['chrome111', 'firefox115', 'safari16.4'],
    legalComments: 'none',
    plugins: [besideTheSdk],
  })
  await stop() // or its process would run as long as ours
  await mkdir(CLIENT_FOLDER, { recursive: true })
  const modules = await Promise.all(outputFiles.map(minified))
  for (const { path, contents } of modules) await writeIfChanged(path, contents)
  return modules.map(({ path, contents }) => ({
    name: path.slice(CLIENT_FOLDER.length + 1),
    brotli_bytes: brotliCompressSync(contents).length,
  }))
}

/** Minifies with terser: a tenth smaller than with esbuild. */
async function minified(file: OutputFile): Promise<{ path: string; contents: Buffer }> {
  const options = {
    module: true,
    ecma: 2020,
    compress: { passes: 3, unsafe_arrows: true, pure_getters: true },
    toplevel: true,
  } as const
  const { code = '' } = await minify(file.text, options)
  return { path: file.path, contents: Buffer.from(code) }
}

async function writeIfChanged(path: string, contents: Buffer): Promise<void> {
  const old = await readFile(path).catch(() => undefined)
  if (!old?.equals(contents)) await writeFile(path, contents)
}

/** Writes `dist/types`, for the npm package. */
export async function buildClientTypes(): Promise<void> {
  const tsc = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')))
  const project = ['-p', 'src/client', '--outDir', 'dist/types']
  const emit = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly']
  await promisify(execFile)(process.execPath, [tsc, ...project, ...emit], { cwd: ROOT })
}
