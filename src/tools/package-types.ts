/** The types of the npm package: declarations of the modules, and of nothing else. */

import { execFile } from 'node:child_process'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const EMIT = '-p src/client --noEmit false --declaration --emitDeclarationOnly --outDir'

/** The imports of a declaration. TypeScript leaves `.ts` in them, which older versions cannot resolve. */
const IMPORT = /((?:\bfrom|\bimport) ?\(?')(\.{1,2}\/[^']+)\.ts'/g

/**
 * Writes the declarations of modules, and of what they import, into a folder.
 *
 * @param entries the declarations of the modules, relative to the folder
 */
export async function writeTypes(folder: string, entries: readonly string[]): Promise<void> {
  const tsc = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')))
  await promisify(execFile)(process.execPath, [tsc, ...EMIT.split(' '), folder], { cwd: ROOT })
  const needed = new Set(entries)
  for (const file of needed) {
    const text = await readFile(join(folder, file), 'utf8')
    for (const [, , path] of text.matchAll(IMPORT)) needed.add(join(dirname(file), `${path}.d.ts`))
    await writeFile(join(folder, file), text.replace(IMPORT, "$1$2.js'"))
  }
  const all = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = all.filter((entry) => entry.isFile())
  const others = files
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((file) => !needed.has(relative(folder, file)))
  await Promise.all(others.map((file) => rm(file)))
}
