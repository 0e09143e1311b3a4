/** The npm package of the browser modules: its files, made from this repository. */

import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BROWSER_MODULES, type BrowserModule, bundleModules } from './client-modules.ts'
import { writeTypes } from './package-types.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** The folder of the package. */
export const PACKAGE_FOLDER: string = join(ROOT, 'dist/package')

/** The members of package.json that the package shares with the repository, as far as they are there. */
const SHARED = [
  ...['name', 'version', 'description', 'license', 'author'],
  ...['repository', 'homepage', 'bugs', 'engines'],
]
const KEYWORDS = [
  'google-photos',
  'google-photos-picker',
  'oauth',
  'dpop',
  'browser',
  'react-hooks',
]

/** Makes the package in a new folder. @throws if the folder is there already */
export async function buildPackage(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true })
  await mkdir(folder)
  const [manifest, readme] = await Promise.all(
    ['package.json', 'src/client/README.md'].map((file) => readFile(join(ROOT, file), 'utf8')),
  )
  await Promise.all([
    writeModules(folder),
    writeTypes(join(folder, 'types'), BROWSER_MODULES.map(typesOf)),
    cp(join(ROOT, 'LICENSE'), join(folder, 'LICENSE')),
    writeFile(join(folder, 'README.md'), withoutFileLinks(readme ?? '')),
    writeFile(join(folder, 'package.json'), toManifest(JSON.parse(manifest ?? ''))),
  ])
}

/** Writes the modules readable, since a bundler minifies them anyway, with maps that hold the sources. */
async function writeModules(folder: string): Promise<void> {
  const maps = { sourcemap: 'linked', sourcesContent: true } as const
  const files = await bundleModules(BROWSER_MODULES, PACKAGE_FOLDER, maps) // the maps do not depend on the folder
  const writes = files.map(({ path, text }) => {
    const isMap = path.endsWith('.map')
    return writeFile(join(folder, basename(path)), isMap ? withinPackage(text) : text)
  })
  await Promise.all(writes)
}

/** Names the sources of a map as if they were in the package: outside of it nobody has them. */
function withinPackage(text: string): string {
  const map = JSON.parse(text) as { sources: string[] }
  return JSON.stringify({ ...map, sources: map.sources.map((path) => path.replace('../../', '')) })
}

/** The types of a module, below the folder of types. */
function typesOf({ source }: BrowserModule): string {
  return `client/${source.replace(/\.ts$/, '.d.ts')}`
}

function toManifest(repository: Record<string, unknown>): string {
  const shared = SHARED.flatMap((name) => (name in repository ? [[name, repository[name]]] : []))
  const entries = BROWSER_MODULES.map((module) => [
    module.subpath,
    { types: `./types/${typesOf(module)}`, default: `./${module.file}` },
  ])
  const effects = BROWSER_MODULES.filter(({ hasSideEffects }) => hasSideEffects)
  const manifest = {
    ...Object.fromEntries(shared),
    keywords: KEYWORDS,
    type: 'module',
    sideEffects: effects.length > 0 && effects.map(({ file }) => `./${file}`),
    exports: Object.fromEntries(entries),
    files: ['*.js', '*.js.map', 'types'],
    peerDependencies: { react: '>=18' },
    peerDependenciesMeta: { react: { optional: true } },
    publishConfig: { access: 'public', provenance: true },
  }
  return `${JSON.stringify(manifest, null, 2)}\n`
}

/** Leaves the words of links to files of the repository, which are not in the package. */
function withoutFileLinks(markdown: string): string {
  const [isCode, link] = [/(^```.*?^```$)/ms, /\[([^\]]+)\]\((?!https?:|#)[^)]+\)/g]
  const parts = markdown.split(isCode) // every second one is code
  return parts.map((part, index) => (index % 2 ? part : part.replace(link, '$1'))).join('')
}
