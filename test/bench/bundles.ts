/** The Workers as bundles: the broker by the production build, all others by esbuild. */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build, type Metafile } from 'esbuild'
import { BENCH, ROOT } from './machine.ts'

/** The production build. */
export interface Production {
  /** File of the Worker as it would be deployed. */
  path: string
  metafile: Metafile
}

/** Builds the broker as `wrangler deploy` does. */
export async function buildProduction(): Promise<Production> {
  const folder = await mkdtemp(join(tmpdir(), 'photos-token-broker-bench-'))
  const wrangler = join(ROOT, 'node_modules/wrangler/bin/wrangler.js')
  const args = [wrangler, 'deploy', '--dry-run', '--outdir', folder, '--metafile']
  await promisify(execFile)(process.execPath, args, { cwd: ROOT })
  const metafile = JSON.parse(await readFile(join(folder, 'bundle-meta.json'), 'utf8')) as Metafile
  return { path: join(folder, 'index.js'), metafile }
}

/** Bundles a Worker of this folder; it may import the production build by the package's name. */
export async function bundle(entry: string, production: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(BENCH, entry)],
    bundle: true,
    minify: true,
    ignoreAnnotations: true, // with the annotations of better-auth, a module that is loaded later never runs
    write: false,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    alias: { 'photos-token-broker': production },
    logLevel: 'error',
  })
  return outputFiles[0]?.text ?? ''
}
