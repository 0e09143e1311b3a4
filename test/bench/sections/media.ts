/** The media relay beside a bare streaming proxy: throughput, and memory for a small and a large item. */

import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { brokerSides, plant } from '../broker.ts'
import { bundle, type Production } from '../bundles.ts'
import { ACCESS_TOKEN, BUNDLE, cookieRequest } from '../frontend.ts'
import { cpuMicroseconds, memoryMebibytes, peakMebibytes, resetPeak } from '../process.ts'
import { logProgress } from '../progress.ts'
import { MEDIA_BYTE, type Provider } from '../provider.ts'
import { type Runtime, startRuntime } from '../runtime.ts'
import { number, type Plan, type Section } from '../section.ts'
import { figure, ratio } from '../statistics.ts'

const MEGABYTE = 1_000_000
const SMALL_BYTES = 10 * MEGABYTE

/** How often an item is read in a round. */
const SMALL_READS = 20
const LARGE_READS = 2

/** Memory that a larger item may add, in MiB: the allocator varies by as much. */
const MAX_GROWTH_MIB = 64

/** A side in a workerd of its own, because memory is measured by process. */
interface MediaSide {
  name: string
  runtime: Runtime
  /** Makes the address of an item of this size. */
  urlOf(bytes: number): Promise<string>
}

/** Results of a side for one size. */
interface Streaming {
  /** Megabytes per second, by round. */
  rate: number[]
  /** CPU milliseconds per megabyte, and cores used, by round. */
  cpu: number[]
  busy: number[]
  /** Memory before and at the peak, in MiB. */
  before: number
  peak: number
}

/** Reads through both sides in turn. */
export async function measureMedia(
  production: Production,
  provider: Provider,
  plan: Plan,
): Promise<Section> {
  const sides = [await startRelay(production, provider), await startProxy(provider)]
  try {
    const sizes = [SMALL_BYTES, plan.large_bytes]
    const results = new Map<string, Streaming[]>(sides.map(({ name }) => [name, []]))
    for (const bytes of sizes) {
      const streamings = await readInTurn(sides, bytes, plan.rounds)
      for (const [name, streaming] of streamings) results.get(name)?.push(streaming)
    }
    return toSection(sizes, results)
  } finally {
    for (const { runtime } of sides) await runtime[Symbol.asyncDispose]()
  }
}

async function startRelay(production: Production, { issuer }: Provider): Promise<MediaSide> {
  const runtime = await startRuntime(await brokerSides(production, issuer, { relay: {} }))
  const { cookie } = await plant(runtime, 'relay')
  const url = runtime.url('relay')
  return {
    ...{ name: 'media relay', runtime },
    async urlOf(bytes) {
      const { headers } = cookieRequest(url, cookie)
      const body = JSON.stringify({ bundle: BUNDLE, urls: [`${issuer}/media/${bytes}`] })
      const response = await fetch(`${url}/media`, { method: 'POST', headers, body })
      const { media } = (await response.json()) as { media: { url: string }[] }
      return media[0]?.url ?? ''
    },
  }
}

async function startProxy({ issuer }: Provider): Promise<MediaSide> {
  const code = await bundle('workers/proxy.ts')
  const runtime = await startRuntime([{ name: 'proxy', code, vars: { TOKEN: ACCESS_TOKEN } }])
  const query = (bytes: number): string =>
    new URLSearchParams({ url: `${issuer}/media/${bytes}` }).toString()
  return {
    ...{ name: 'bare streaming proxy', runtime },
    urlOf: async (bytes) => `${runtime.url('proxy')}/?${query(bytes)}`,
  }
}

async function readInTurn(
  sides: readonly MediaSide[],
  bytes: number,
  rounds: number,
): Promise<Map<string, Streaming>> {
  const results = new Map<string, Streaming>()
  for (const { name, runtime, urlOf } of sides) {
    await read(await urlOf(bytes), bytes)
    resetPeak(runtime.pid)
    const before = memoryMebibytes(runtime.pid)
    results.set(name, { rate: [], cpu: [], busy: [], before, peak: NaN })
  }
  const reads = bytes === SMALL_BYTES ? SMALL_READS : LARGE_READS
  for (let round = 0; round < rounds; round++) {
    for (const { name, runtime, urlOf } of round % 2 === 0 ? sides : sides.toReversed()) {
      const url = await urlOf(bytes)
      const cpu = cpuMicroseconds(runtime.pid)
      const began_at = performance.now()
      for (let count = 0; count < reads; count++) await read(url, bytes)
      const megabytes = (bytes * reads) / MEGABYTE
      const seconds = (performance.now() - began_at) / 1000
      const rate = megabytes / seconds
      const used_ms = (cpuMicroseconds(runtime.pid) - cpu) / 1000
      const streaming = results.get(name)
      streaming?.rate.push(rate)
      streaming?.cpu.push(used_ms / megabytes)
      streaming?.busy.push(used_ms / 1000 / seconds)
      if (streaming) streaming.peak = peakMebibytes(runtime.pid)
      logProgress(
        `media, ${bytes / MEGABYTE} MB, round ${round + 1}: ${name} ${Math.round(rate)} MB/s`,
      )
    }
  }
  return results
}

const EXPECTED = Buffer.alloc(1024 * 1024, MEDIA_BYTE)

/** Reads an item to the end, and checks every byte. */
async function read(url: string, bytes: number): Promise<void> {
  const [response] = (await once(get(url), 'response')) as [IncomingMessage]
  let count = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    count += chunk.length
    if (!chunk.equals(EXPECTED.subarray(0, chunk.length))) throw new Error('a byte is wrong')
  }
  if (response.statusCode !== 200 || count !== bytes)
    throw new Error(`${response.statusCode} with ${count} bytes of ${bytes}`)
}

function toSection(
  sizes: readonly number[],
  results: ReadonlyMap<string, readonly Streaming[]>,
): Section {
  const relay = results.get('media relay') ?? []
  const proxy = results.get('bare streaming proxy') ?? []
  const rows = sizes.flatMap((bytes, index) =>
    [...results].map(([name, streamings]) => {
      const { rate = [], cpu = [], busy = [], before = NaN, peak = NaN } = streamings[index] ?? {}
      const { median, spread } = figure(rate)
      return [
        `${name}, ${bytes / MEGABYTE} MB`,
        ...[ratio(rate, proxy[index]?.rate ?? []).median, median, { spread }],
        ...[figure(cpu).median, figure(busy).median, before, peak],
      ]
    }),
  )
  const growth = (relay[1]?.peak ?? NaN) - (relay[0]?.peak ?? NaN)
  const large = (sizes[1] ?? 0) / MEGABYTE
  const own = (figure(relay[0]?.cpu ?? []).median - figure(proxy[0]?.cpu ?? []).median) * 10
  return {
    title: 'Media relay',
    how: 'One reader at full speed; the source of the bytes runs on the same cores, and each side in a workerd of its own. The relay opens its ticket and finds its token for every read. Every byte is checked.',
    tables: [
      {
        head: [
          ...['side', 'rate ÷ bare proxy', 'MB/s', 'spread', 'CPU ms a MB'],
          ...['cores busy', 'MiB before', 'MiB at the peak'],
        ],
        rows,
      },
    ],
    meaning: [
      `A picture of 10 MB costs ${number(own)} ms of CPU more than through a bare proxy: for its ticket, token and headers.`,
      `A film of ${large} MB takes ${number(growth)} MiB more memory at the peak than a picture of 10 MB: bytes are passed on as they arrive.`,
    ],
    budgets: [
      ...sizes.map((bytes, index) => {
        const against = ratio(relay[index]?.rate ?? [], proxy[index]?.rate ?? [])
        return {
          what: `media relay, ${bytes / MEGABYTE} MB: throughput`,
          limit: '≥ 0.8 of a bare streaming proxy',
          ...{ measured: against.median, spread: against.spread },
          ...({ bound: 0.8, kind: 'at least', unit: '×' } as const),
        }
      }),
      {
        what: `media relay: peak memory with ${large} MB beyond that with 10 MB`,
        limit: `does not grow: ≤ ${MAX_GROWTH_MIB} MiB`,
        measured: growth,
        ...{ bound: MAX_GROWTH_MIB, kind: 'at most', unit: 'MiB' },
      },
    ],
  }
}
