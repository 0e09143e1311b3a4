/** The Workers of a run in one workerd, each with a socket of its own, so that only the runtime is between load and Worker. */

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { convertV4MiniflareOptions, Miniflare, type V4WorkerOptions } from 'miniflare'
import { ROOT } from './machine.ts'
import { childPids } from './process.ts'
import { logProgress } from './progress.ts'

/** A Worker of a run. */
export interface Side {
  name: string
  /** Its code, an ES module. */
  code: string
  /** Variables; `URL` in a value is replaced by the address of this side, `URL(name)` by that of another one. */
  vars?: Record<string, unknown>
  /** KV namespaces: binding to name. */
  kv?: Record<string, string>
  /** Durable Objects: binding to class, and the Worker that defines it if it is another one. */
  objects?: Record<string, { className: string; of?: string }>
  /** The side whose address replaces `URL`, if it is another. */
  at?: string
}

/** Running Workers. */
export interface Runtime {
  /** Address of a side. */
  url(side: string): string
  /** Process id of the runtime; 0 if unknown. */
  pid: number
  /** The last line that a Worker logged, of any side. */
  lastLine(): string
  [Symbol.asyncDispose](): Promise<void>
}

/** What a runtime keeps from one start to the next. */
export interface Kept {
  /** The folder of its storage. */
  folder?: string
  /** The ports of its sides: on this machine, the names of cookies have the port. */
  ports?: readonly number[]
}

/** Starts one workerd with all these Workers. */
export async function startRuntime(
  sides: readonly Side[],
  { folder, ports: kept }: Kept = {},
): Promise<Runtime> {
  const compatibilityDate = await compatibility()
  const urls = new Map<string, string>()
  const ports = kept ?? (await freePorts(sides.length))
  for (const [index, { name }] of sides.entries())
    urls.set(name, `http://127.0.0.1:${ports[index]}`)
  const workers = sides.map((side): V4WorkerOptions => {
    const { name, code, kv = {}, vars = {}, objects = {}, at = name } = side
    return {
      name,
      modules: [{ type: 'ESModule', path: 'index.js', contents: code }],
      compatibilityDate,
      bindings: addressed(vars, urls, at),
      kvNamespaces: kv,
      durableObjects: Object.fromEntries(
        Object.entries(objects).map(([binding, { className, of }]) => [
          binding,
          { className, useSQLite: true, ...(of === undefined ? {} : { scriptName: of }) },
        ]),
      ),
      unsafeDirectSockets: [{ host: '127.0.0.1', port: Number(urls.get(name)?.split(':')[2]) }],
    } as V4WorkerOptions
  })
  const before = childPids('workerd')
  let lastLine = ''
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      ...{ host: '127.0.0.1', port: 0, cf: false, workers },
      ...(folder === undefined ? {} : { resourcePersistencePath: folder }),
      handleStructuredLogs({ level, message }) {
        lastLine = message
        if (level === 'error') logProgress(`a Worker logged: ${message}`)
      },
    }),
  )
  await runtime.ready
  return {
    pid: childPids('workerd').find((pid) => !before.includes(pid)) ?? 0,
    url(side) {
      const url = urls.get(side)
      if (url === undefined) throw new Error(`there is no side ${side}`)
      return url
    },
    lastLine: () => lastLine,
    [Symbol.asyncDispose]: () => runtime.dispose(),
  }
}

/** Makes the variables and secrets of a broker. */
export function brokerVars(issuer: string): Record<string, unknown> {
  return {
    BASE_URL: 'URL',
    ISSUER: issuer,
    GOOGLE_CLIENT_ID: 'bench-client',
    GOOGLE_CLIENT_SECRET: 'bench-secret-of-the-broker',
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64url')}`,
    PSEUDONYM_KEY: randomBytes(32).toString('base64url'),
    CONSISTENCY: 'edge',
    CALLBACK_LIMIT: 'none', // there are no callbacks
  }
}

/** Reads the compatibility date of the broker, for all sides. */
export async function compatibility(): Promise<string> {
  const text = await readFile(join(ROOT, 'wrangler.toml'), 'utf8')
  return /^compatibility_date = "(.*)"/m.exec(text)?.[1] ?? ''
}

function addressed(
  vars: Record<string, unknown>,
  urls: ReadonlyMap<string, string>,
  at: string,
): Record<string, unknown> {
  const address = (_: string, name: string = at): string => urls.get(name) ?? ''
  const fill = (value: unknown): unknown =>
    typeof value === 'string' ? value.replaceAll(/URL(?:\((\w+)\))?/g, address) : value
  return Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, fill(value)]))
}

/** Finds free ports on loopback, all at once, so that none is found twice. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports: number[] = []
  for (const server of servers) {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    ports.push((server.address() as AddressInfo).port)
  }
  await Promise.all(servers.map(async (server) => once(server.close(), 'close')))
  return ports
}
