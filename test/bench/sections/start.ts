/** The cold start: a new workerd process from its spawn to its first answer, beside an empty Worker. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { bundle, type Production } from '../bundles.ts'
import { ROOT } from '../machine.ts'
import { cpuMicroseconds } from '../process.ts'
import { logProgress } from '../progress.ts'
import { brokerVars, compatibility, freePorts } from '../runtime.ts'
import { type Budget, type Cell, number, type Plan, type Section } from '../section.ts'
import { differences, type Figure, figure, ratio } from '../statistics.ts'
import { temporaryFolder } from '../temporary.ts'

/** A Worker that is started several times. */
interface Starter {
  name: string
  folder: string
  port: number
  path: string
  /** Time from spawn to answer, and the CPU time of the process. */
  ms: number[]
  cpu_ms: number[]
}

const POLL_MS = 1

/** How long to wait for the first answer. */
const TIMEOUT_MS = 30_000

/** Starts both Workers in turn. */
export async function measureStart(production: Production, { starts }: Plan): Promise<Section> {
  using home = temporaryFolder()
  const starters = [
    await prepare(home.path, 'broker', '/bundles', production.path),
    await prepare(home.path, 'empty Worker', '/', await emptyWorker(home.path)),
  ]
  for (let start = 0; start <= starts; start++) {
    for (const starter of starters) await startOnce(starter, start === 0)
  }
  logProgress(`started ${starts} times each`)
  return toSection(starters)
}

async function emptyWorker(home: string): Promise<string> {
  const file = join(home, 'empty.js')
  await writeFile(file, await bundle('workers/empty.ts'))
  return file
}

async function prepare(home: string, name: string, path: string, code: string): Promise<Starter> {
  const folder = join(home, name.replace(' ', '-'))
  const [port = 0] = await freePorts(1)
  await mkdir(folder)
  await copyFile(code, join(folder, 'index.js'))
  const isBroker = name === 'broker'
  await writeFile(join(folder, 'config.capnp'), await configOf(port, isBroker))
  return { name, folder, port, path, ms: [], cpu_ms: [] }
}

/** Makes the configuration of workerd. Bindings that the first answer does not use are empty. */
async function configOf(port: number, isBroker: boolean): Promise<string> {
  const url = `http://127.0.0.1:${port}`
  const vars = {
    ...brokerVars('http://127.0.0.1:9'),
    BASE_URL: url,
    BUNDLES: JSON.stringify({
      pick: { scopes: ['photospicker.mediaitems.readonly'], reason: 'For the bench' },
    }),
  }
  const texts = Object.entries(vars).map(
    ([name, value]) => `(name = "${name}", text = ${JSON.stringify(value)})`,
  )
  const bindings = [
    ...texts,
    '(name = "TOKENS", kvNamespace = "nothing")',
    '(name = "SUBJECTS", durableObjectNamespace = "Subject")',
    '(name = "ONE_TIME_USES", durableObjectNamespace = "OneTimeUse")',
    '(name = "SUBJECT_INDEX", durableObjectNamespace = "SubjectIndex")',
  ]
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "nothing", network = (allow = []))],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")]
);
const main :Workerd.Worker = (
  modules = [(name = "index.js", esModule = embed "index.js")],
  compatibilityDate = "${await compatibility()}",
  ${isBroker ? BROKER_STORAGE : ''}
  bindings = [${isBroker ? bindings.join(', ') : ''}]
);
`
}

const BROKER_STORAGE = `durableObjectNamespaces = [
    (className = "Subject", uniqueKey = "subjects", enableSql = true),
    (className = "OneTimeUse", uniqueKey = "uses", enableSql = true),
    (className = "SubjectIndex", uniqueKey = "index", enableSql = true)
  ],
  durableObjectStorage = (inMemory = void),`

async function startOnce(starter: Starter, isWarmUp: boolean): Promise<void> {
  const { name, folder, port, path, ms, cpu_ms } = starter
  const began_at = performance.now()
  const child = spawn(workerd(), ['serve', 'config.capnp'], { cwd: folder, stdio: 'ignore' })
  const closed = once(child, 'close')
  const status = await firstAnswer(child, port, path)
  const took = performance.now() - began_at
  const cpu = cpuMicroseconds(child.pid ?? 0) / 1000
  child.kill('SIGKILL')
  await closed
  if (status !== 200) throw new Error(`${name} answered ${status}`)
  if (isWarmUp) return
  ms.push(took)
  cpu_ms.push(cpu)
}

async function firstAnswer(child: ChildProcess, port: number, path: string): Promise<number> {
  const until = performance.now() + TIMEOUT_MS
  while (child.exitCode === null && child.signalCode === null && performance.now() < until) {
    const status = await new Promise<number>((resolve) => {
      const call = get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode ?? 0))
      })
      call.once('error', () => resolve(0))
    })
    if (status !== 0) return status
    await pause(POLL_MS)
  }
  return 0
}

/** Finds the program; the package chooses it by the system. */
function workerd(): string {
  const load = createRequire(join(ROOT, 'node_modules/miniflare/'))
  return (load('workerd') as { default: string }).default
}

function toSection([broker, empty]: readonly Starter[]): Section {
  const [times, cpu] = [
    [broker?.ms ?? [], empty?.ms ?? []],
    [broker?.cpu_ms ?? [], empty?.cpu_ms ?? []],
  ] as const
  const [more_ms, more_cpu] = [figure(differences(...times)), figure(differences(...cpu))]
  const rows = [broker, empty].flatMap((starter): Cell[][] => {
    if (!starter) return []
    const [{ median, spread }, used] = [figure(starter.ms), figure(starter.cpu_ms)]
    const [against_ms, against_cpu] = [ratio(starter.ms, times[1]), ratio(starter.cpu_ms, cpu[1])]
    return [
      [
        ...[starter.name, against_ms.median, median, { spread }],
        ...[against_cpu.median, used.median, { spread: used.spread }],
      ],
    ]
  })
  const beyond: Cell[] = [
    ...['broker beyond empty', '', more_ms.median, { spread: more_ms.spread }],
    ...['', more_cpu.median, { spread: more_cpu.spread }],
  ]
  return {
    title: 'Cold start',
    how: `${broker?.ms.length} times each, in turn: a new workerd process, from its spawn to its first answer. The time of the empty Worker is the start of the runtime, which Cloudflare has done before. The difference is for compiling the broker, running its modules, reading its configuration and answering \`GET /bundles\`.`,
    tables: [
      {
        head: [
          ...['Worker', 'time ÷ empty', 'ms to the first answer', 'spread'],
          ...['CPU ÷ empty', 'CPU ms', 'spread'],
        ],
        rows: [...rows, beyond],
      },
    ],
    meaning: [
      `The first request at a location waits ${number(more_ms.median)} ms longer than the next ones.`,
    ],
    budgets: [budget('time', ratio(...times)), budget('CPU', ratio(...cpu))],
  }
}

function budget(what: string, { median, spread }: Figure): Budget {
  return {
    what: `first answer of a new process: ${what}`,
    limit: "≤ 1.5 × an empty Worker's",
    ...{ measured: median, spread, bound: 1.5, kind: 'at most', unit: '×' },
  }
}
