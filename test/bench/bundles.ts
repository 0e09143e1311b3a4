/** The Workers as bundles: the broker by the production build, all others by esbuild. */

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build, type Metafile } from 'esbuild'
import { ROOT } from './machine.ts'
import { temporaryFolder } from './temporary.ts'

/** The production build. */
export interface Production {
  /** The checkout that was built. */
  root: string
  /** File of the Worker as it would be deployed. */
  path: string
  metafile: Metafile
}

/** Where a bundle comes from. */
interface Origin {
  /** File of the Worker that `entry` imports by the name of this package: the production build, or another in its place. */
  wrapped?: string
  /** The checkout of `entry`. */
  root?: string
}

/** Path of a file of the bench. */
export function pathOf(file: string, root: string = ROOT): string {
  return join(root, 'test/bench', file)
}

/** Builds the broker of a checkout as `wrangler deploy` does. */
export async function buildProduction(root: string = ROOT): Promise<Production> {
  const { path: folder } = temporaryFolder()
  const wrangler = join(ROOT, 'node_modules/wrangler/bin/wrangler.js')
  const args = [wrangler, 'deploy', '--dry-run', '--outdir', folder, '--metafile']
  await promisify(execFile)(process.execPath, args, { cwd: root })
  const metafile = JSON.parse(await readFile(join(folder, 'bundle-meta.json'), 'utf8')) as Metafile
  return { root, path: join(folder, 'index.js'), metafile }
}

/** Bundles a Worker of the bench. */
export async function bundle(entry: string, { wrapped, root }: Origin = {}): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [pathOf(entry, root)],
    bundle: true,
    minify: true,
    ignoreAnnotations: true, // with the annotations of better-auth, a module that is loaded later never runs
    write: false,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    alias: wrapped === undefined ? {} : { 'photos-token-broker': wrapped },
    logLevel: 'error',
  })
  return outputFiles[0]?.text ?? ''
}
