/** The npm package as its users have it: packed, installed into an app, built and served. */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const NAME = 'photos-token-broker'
/** The broker that the documentation names. */
const EXAMPLE = 'https://broker.example.com'

/** What apps have beside the package; the same copies as in this repository. */
const BESIDE = [
  ...['react', 'react-dom', 'vue', 'svelte', 'vite', '@vitejs/plugin-vue'],
  ...['@sveltejs/vite-plugin-svelte', '@types/react', '@types/react-dom'],
]

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' }

/** Runs a program of node_modules, or Node itself. @returns what it printed */
export async function runNode(cwd: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, NODE_ENV: 'production', NO_COLOR: '1' } // the test runner has another one
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd, env }).catch(
    (error) => {
      throw new Error(`${args.join(' ')} failed:\n${error.stdout}\n${error.stderr}`)
    },
  )
  return stdout + stderr
}

/** The path of a program of node_modules. */
export function program(path: string): string {
  return join(ROOT, 'node_modules', path)
}

/** Makes the package and packs it, as for publishing. @returns the path of the tarball */
export async function pack(folder: string): Promise<string> {
  const source = join(folder, 'package')
  await runNode(ROOT, 'src/tools/package.ts', '--out', source)
  const { stdout } = await promisify(execFile)('npm', ['pack', '--pack-destination', folder], {
    cwd: source,
  })
  return join(folder, stdout.trim())
}

/**
 * Copies an app of this folder to a place of its own, and installs the tarball there.
 *
 * @param broker the broker on this machine; default: the one that the documentation names
 * @returns the folder of the app
 */
export async function install(
  folder: string,
  app: string,
  tarball: string,
  broker = EXAMPLE,
): Promise<string> {
  const place = join(await mkdtemp(join(folder, `${app}-`)), app)
  await cp(new URL(app, import.meta.url), place, { recursive: true })
  const files = await readdir(place, { recursive: true, withFileTypes: true })
  for (const file of files.filter((entry) => entry.isFile())) {
    const path = join(file.parentPath, file.name)
    await writeFile(path, onThisMachine(await readFile(path, 'utf8'), broker))
  }
  const own = join(place, 'node_modules', NAME)
  await mkdir(own, { recursive: true })
  await promisify(execFile)('tar', ['-xzf', tarball, '--strip-components=1', '-C', own])
  for (const name of BESIDE) {
    const link = join(place, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(program(name), link)
  }
  return place
}

/** Puts a broker, and its client for any page on this machine, into a text of the documentation. */
function onThisMachine(text: string, broker: string): string {
  return text.replaceAll(EXAMPLE, broker).replaceAll("client: 'gallery'", "client: 'local'")
}

/** Serves a folder as a site on this machine, until the process ends. @returns its origin */
export async function serveFolder(
  folder: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1')
    const type = `${TYPES[extname(pathname)] ?? 'text/plain'}; charset=utf-8`
    readFile(join(folder, pathname)).then(
      (body) => response.writeHead(200, { ...headers, 'Content-Type': type }).end(body),
      () => response.writeHead(404, headers).end(),
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  server.unref()
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
