/** The npm package: what is in its tarball, its types, and how it loads in Node and in bundlers. */

import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { publint } from 'publint'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { install, pack, program, runNode } from './support/package-install.ts'

const MODULES = ['client.js', 'photos.js', 'picker.js', 'react.js']
const ENTRIES = ['', '/photos', '/picker', '/react'].map((path) => `photos-token-broker${path}`)

let tarball: string
/** An app that has the package. */
let app: string
/** The installed package. */
let installed: string

beforeAll(async () => {
  const folder = await mkdtemp(join(inject('homes'), 'package-'))
  tarball = await pack(folder)
  app = await install(folder, 'package-types', tarball)
  installed = join(app, 'node_modules/photos-token-broker')
})

/** Runs code as a module of the app. */
const run = (code: string): Promise<string> => runNode(app, '--input-type=module', '-e', code)

describe('the tarball', () => {
  it('holds the modules, their types, README and LICENSE, and nothing else', async () => {
    const all = await readdir(installed, { recursive: true, withFileTypes: true })
    const paths = all
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(installed.length + 1))
    const types = paths.filter((path) => path.startsWith('types/'))
    expect(paths.filter((path) => !types.includes(path)).sort()).toEqual(
      [...MODULES.flatMap((file) => [file, `${file}.map`])]
        .concat(...['LICENSE', 'README.md', 'package.json'])
        .sort(),
    )

    const { exports } = await readManifest()
    const needed = new Set(Object.values(exports).map((entry) => entry.types.slice(2)))
    for (const path of needed) {
      const text = await readFile(join(installed, path), 'utf8')
      const imports = [...text.matchAll(/\b(?:from|import) ?\(?['"]([^'"]+)['"]/g)]
      for (const [, target = ''] of imports) {
        expect(target, path).toMatch(/^\.{1,2}\/.+\.js$/)
        needed.add(join(dirname(path), target.replace(/\.js$/, '.d.ts')))
      }
    }
    expect(types.sort()).toEqual([...needed].sort())
  })

  it('has a manifest of its own, without the dependencies of the Worker', async () => {
    const root = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(root).toMatchObject({ private: true })
    expect(root).not.toHaveProperty('exports')
    const manifest = await readManifest()
    const { name, version, description, license, engines } = root
    expect(manifest).toMatchObject({
      ...{ name, version, description, license, engines, type: 'module' },
      sideEffects: ['./picker.js'], // it defines the element
      exports: {
        '.': { types: './types/client/index.d.ts', default: './client.js' },
        './photos': { types: './types/client/photos/index.d.ts', default: './photos.js' },
        './picker': { types: './types/client/picker/index.d.ts', default: './picker.js' },
        './react': { types: './types/client/react/index.d.ts', default: './react.js' },
      },
      peerDependencies: { react: '>=18' },
      peerDependenciesMeta: { react: { optional: true } },
      publishConfig: { access: 'public', provenance: true },
    })
    for (const member of ['private', 'dependencies', 'devDependencies', 'scripts', 'overrides'])
      expect(manifest).not.toHaveProperty(member)
  })

  it('has a README without links to files that are not in it', async () => {
    const readme = await readFile(join(installed, 'README.md'), 'utf8')
    const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target)
    expect(links.filter((target) => !/^(?:https:|#)/.test(target ?? ''))).toEqual([])
    expect(links).toContain('#photos-module')
    expect(readme).toContain('see errors |')
  })

  it('has maps that hold the sources, by names within the package', async () => {
    for (const file of MODULES) {
      const map = JSON.parse(await readFile(join(installed, `${file}.map`), 'utf8'))
      expect(map.sourcesContent).toHaveLength(map.sources.length)
      for (const source of map.sources)
        expect(source).toMatch(/^(src\/client\/[\w/-]+\.ts|node_modules\/[\w/-]+\.js)$/)
    }
  })

  it('is clean to publint', async () => {
    const { buffer, byteOffset, byteLength } = await readFile(tarball)
    const packed = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer
    const { messages } = await publint({ pack: { tarball: packed }, strict: true })
    expect(messages).toEqual([])
  })

  it('is clean to attw', async () => {
    const attw = program('@arethetypeswrong/cli/dist/index.js')
    const printed = await runNode(app, attw, tarball, '--profile', 'esm-only', '--format', 'json')
    const { analysis } = JSON.parse(printed)
    expect(Object.keys(analysis.entrypoints)).toEqual(['.', './photos', './picker', './react'])
  })

  async function readManifest(): Promise<{ exports: Record<string, { types: string }> }> {
    return JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
  }
})

it.each(['bundler', 'node16'])('has types for an app with moduleResolution %s', async (name) => {
  const tsc = program('typescript/bin/tsc')
  expect(await runNode(app, tsc, '-p', `tsconfig.${name}.json`)).toBe('')
})

describe('in Node', () => {
  it('loads, and rejects every use with no_page, an error of one class', async () => {
    const printed = await run(`
      import { BrokerError, createBroker } from 'photos-token-broker'
      import { pickPhotos, uploadPhotos } from 'photos-token-broker/photos'
      import 'photos-token-broker/picker'
      import 'photos-token-broker/react'
      const broker = createBroker({ url: 'https://broker.example.com', client: 'gallery' })
      const uses = [
        broker.connect('pick'),
        broker.token('pick'),
        broker.session(),
        pickPhotos(broker),
        uploadPhotos(broker, { files: [new File(['x'], 'a.jpg')] }).then(([{ error }]) => Promise.reject(error)),
      ]
      const code = (error) => (error instanceof BrokerError ? error.code : String(error))
      console.log(JSON.stringify(await Promise.all(uses.map((use) => use.catch(code)))))`)
    expect(JSON.parse(printed)).toEqual(Array(5).fill('no_page'))
  })
})

describe('in a bundle of esbuild', () => {
  it.each(['iife', 'cjs'] as const)('is built as %s without a warning', async (format) => {
    const contents = ENTRIES.map((entry) => `export * from '${entry}'`).join('\n')
    const { errors, warnings, outputFiles } = await build({
      stdin: { contents, resolveDir: app },
      ...{ bundle: true, write: false, format, globalName: 'broker', logLevel: 'silent' },
    })
    expect([errors, warnings]).toEqual([[], []])
    const file = join(app, `bundle.${format}.cjs`)
    await writeFile(
      file,
      `${outputFiles[0]?.text}\nglobalThis.names = Object.keys(${format === 'iife' ? 'broker' : 'module.exports'})`,
    )
    const printed = await run(`await import('./bundle.${format}.cjs'); console.log(names.join())`)
    for (const name of ['createBroker', 'pickPhotos', 'usePhotos']) expect(printed).toContain(name)
  })

  it('has one class BrokerError, which each module but the first imports', async () => {
    const texts = await Promise.all(MODULES.map((file) => readFile(join(installed, file), 'utf8')))
    const count = texts.map((text) => text.split('BrokerError = class').length - 1)
    expect(count).toEqual([1, 0, 0, 0])
  })

  it('leaves out what an app does not use', async () => {
    const { outputFiles } = await build({
      stdin: { contents: "import 'photos-token-broker'", resolveDir: app },
      ...{ bundle: true, write: false, format: 'esm', logLevel: 'silent' },
    })
    expect(outputFiles[0]?.text).not.toContain('createBroker')
  })
})
