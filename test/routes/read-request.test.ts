/** This file is the tests of how a request is read: strictly, within limits, and with one error for everything else. */

import fc from 'fast-check'
import { Hono } from 'hono'
import { number, optional, pipe, strictObject, string, toLowerCase } from 'valibot'
import { describe, expect, it } from 'vitest'
import { BrokerError } from '../../src/errors.ts'
import type { BrokerContext, BrokerEnv } from '../../src/routes/http/context.ts'
import { isPrefetch, readJson, readQuery } from '../../src/routes/http/read-request.ts'

const URL_ = 'https://broker.example/x'
const SHAPE = strictObject({ bundle: string(), min_ttl: optional(number()) })
const JSON_TYPE = { 'Content-Type': 'application/json' }

/** What a reader makes of a request; of a refusal, its reason, and it must be `invalid_request`. */
async function read<T>(
  request: Request,
  reader: (c: BrokerContext) => T | Promise<T>,
): Promise<T | string> {
  let outcome: T | string = 'not read'
  const app = new Hono<BrokerEnv>()
  app.all('*', async (c) => {
    try {
      outcome = await reader(c)
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      expect(error.failure.code).toBe('invalid_request')
      outcome = error.failure.reason
    }
    return c.body(null)
  })
  app.onError((error) => {
    throw error
  })
  await app.fetch(request)
  return outcome
}

const query = (search: string): Promise<Record<string, string> | string> =>
  read(new Request(`${URL_}${search}`), (c) => Object.fromEntries(readQuery(c)))

const body = (
  body: BodyInit | null,
  headers: Record<string, string> = JSON_TYPE,
): Promise<unknown> =>
  read(new Request(URL_, { method: 'POST', body, headers }), (c) => readJson(c, SHAPE))

describe('a query', () => {
  it.each([
    { given: '', expected: {} },
    { given: '?', expected: {} },
    { given: '?bundle=pick&return_to=%2F', expected: { bundle: 'pick', return_to: '/' } },
    { given: '?a=&b', expected: { a: '', b: '' } },
    { given: '?a=1&A=2', expected: { a: '1', A: '2' } },
  ])('"$given" is $expected', async ({ given, expected }) => {
    expect(await query(given)).toEqual(expected)
  })

  it.each([
    '?a=1&a=2',
    '?a=1&a=1',
    '?a&a',
    '?a=1&b=2&%61=3',
    '?=1&=2',
    '?code=x&code=',
    '?a+b&a%20b',
    '?__proto__=1&__proto__=2',
  ])('%s has a parameter twice, and is refused (TMB-14)', async (given) => {
    expect(await query(given)).toBe('parameter_repeated')
  })

  it('has each name once, or is refused (property; TMB-14)', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'state', '__proto__', '%61', '')
    const pairs = fc.array(fc.tuple(name, fc.constantFrom('1', '', '%00')), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(pairs, async (pairs) => {
        const search = new URLSearchParams(pairs)
        const outcome = await query(`?${search}`)
        const isUnique = new Set(pairs.map(([name]) => name)).size === pairs.length
        expect(outcome === 'parameter_repeated').toBe(!isUnique)
      }),
    )
  })
})

describe('a JSON body', () => {
  it('of the right shape is read', async () => {
    expect(await body('{"bundle":"pick","min_ttl":5}')).toEqual({ bundle: 'pick', min_ttl: 5 })
    expect(await body(' {"bundle":"\u00fc\ud83d\ude00"} ')).toEqual({
      bundle: '\u00fc\ud83d\ude00',
    })
  })

  it('comes back as the schema makes it', async () => {
    const request = new Request(URL_, { method: 'POST', body: '{"a":"X"}', headers: JSON_TYPE })
    const lower = strictObject({ a: pipe(string(), toLowerCase()) })
    expect(await read(request, (c) => readJson(c, lower))).toEqual({ a: 'x' })
  })

  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON ;x=y'])(
    'of type %s is read',
    async (type) => {
      expect(await body('{"bundle":"pick"}', { 'Content-Type': type })).toEqual({ bundle: 'pick' })
    },
  )

  it.each([
    'text/plain',
    'text/plain; application/json',
    'text/plain;charset=UTF-8, application/json',
    'application/json, text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=application/json',
    'application/jsonp',
    'application/ld+json',
    'text/json',
    'json',
    '',
    ';',
  ])('of type "%s" is refused, since a form could send it (TMB-37)', async (type) => {
    expect(await body('{"bundle":"pick"}', { 'Content-Type': type })).toBe('content_type')
  })

  it('of no type is refused (TMB-37)', async () => {
    expect(await body(bytes('{"bundle":"pick"}'), {})).toBe('content_type')
    expect(await body(null, {})).toBe('content_type')
  })

  it.each([
    { given: '', expected: 'body_syntax' },
    { given: '{', expected: 'body_syntax' },
    { given: "{'bundle':'pick'}", expected: 'body_syntax' },
    { given: '{"bundle":"pick"}{}', expected: 'body_syntax' },
    { given: '{"bundle":"pick",}', expected: 'body_syntax' },
    { given: '\ufeff{"bundle":"pick"}', expected: 'body_syntax' },
    { given: 'bundle=pick', expected: 'body_syntax' },
    { given: '['.repeat(4000), expected: 'body_syntax' },
    { given: '['.repeat(2000) + ']'.repeat(2000), expected: 'body_shape' },
    { given: `${'{"bundle":'.repeat(350)}1${'}'.repeat(350)}`, expected: 'body_shape' },
    { given: 'null', expected: 'body_shape' },
    { given: '[]', expected: 'body_shape' },
    { given: '"pick"', expected: 'body_shape' },
    { given: '{}', expected: 'body_shape' },
    { given: '{"bundle":null}', expected: 'body_shape' },
    { given: '{"bundle":["pick"]}', expected: 'body_shape' },
    { given: '{"bundle":{"toString":"pick"}}', expected: 'body_shape' },
    { given: '{"bundle":"pick","min_ttl":"5"}', expected: 'body_shape' },
    { given: '{"bundle":"pick","scope":"all"}', expected: 'body_shape' },
    { given: '{"bundle":"pick","__proto__":{"min_ttl":1}}', expected: 'body_shape' },
    { given: '{"__proto__":{"bundle":"pick"}}', expected: 'body_shape' },
    { given: '{"constructor":{"prototype":{"bundle":"pick"}}}', expected: 'body_shape' },
  ])('%j is refused (TMB-73)', async ({ given, expected }) => {
    expect(await body(given)).toBe(expected)
    expect(Object.keys(Object.prototype)).toEqual([])
  })

  it.each([
    { what: 'a lone continuation', given: [0x22, 0x80, 0x22] },
    { what: 'an overlong slash', given: [0x22, 0xc0, 0xaf, 0x22] },
    { what: 'a surrogate', given: [0x22, 0xed, 0xa0, 0x80, 0x22] },
    { what: 'a character that breaks off', given: [0x22, 0x22, 0xe2, 0x82] },
    { what: 'UTF-16', given: [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00] },
  ])('that is not UTF-8 but has $what is refused (TMB-73)', async ({ given }) => {
    expect(await body(new Uint8Array(given))).toBe('body_encoding')
  })

  it('of 4 KiB is read, and of one byte more refused (TMB-73)', async () => {
    const most = '{"bundle":"pick"}'.padEnd(4096)
    expect(await body(most)).toEqual({ bundle: 'pick' })
    expect(await body(`${most} `)).toBe('body_length')
    expect(await body(inChunks(bytes(most), 100))).toEqual({ bundle: 'pick' })
    expect(await body(inChunks(bytes(`${most} `), 100))).toBe('body_length')
  })

  it('is counted in bytes, not in characters (TMB-73)', async () => {
    const text = JSON.stringify({ bundle: '\u20ac'.repeat(1400) })
    expect(text.length).toBeLessThan(4096)
    expect(await body(text)).toMatch(/^body_(length|encoding)$/) // cut off within a character
  })

  it('that says it is too long is not read at all (TMB-73)', async () => {
    const stream = endless()
    const outcome = await body(stream.body, { ...JSON_TYPE, 'Content-Length': '4097' })
    expect(outcome).toBe('body_length')
    expect(stream.pulled()).toBeLessThan(4)
  })

  it.each([{}, { 'Content-Length': 'canary' }, { 'Content-Length': '' }])(
    'without an end is let go of after 4 KiB, whatever it says with %j (TMB-73)',
    async (more) => {
      const stream = endless()
      expect(await body(stream.body, { ...JSON_TYPE, ...more })).toBe('body_length')
      expect(stream.pulled()).toBeLessThan(10)
      expect(stream.cancelled()).toBe(true)
    },
  )

  it('may have its characters split over chunks', async () => {
    const text = '{"bundle":"\u20ac\ud83d\ude00"}'
    expect(await body(inChunks(bytes(text), 1))).toEqual({ bundle: '\u20ac\ud83d\ude00' })
  })

  it('that breaks off on the way is refused', async () => {
    let pulls = 0
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pulls++ === 0) controller.enqueue(bytes('{"bundle":'))
        else controller.error(new Error('the connection is gone'))
      },
    })
    expect(await body(stream)).toBe('body_encoding')
  })

  it('of whatever bytes is of the shape asked for, or refused (property; TMB-73)', async () => {
    const json = fc.json({ depthSize: 'large' }).map(bytes)
    const mangled = fc
      .tuple(fc.constant(bytes('{"bundle":"pick","min_ttl":12}')), fc.nat(29), fc.nat(255))
      .map(([text, at, byte]) => text.with(at, byte))
    const near = fc
      .record(
        { bundle: fc.anything(), min_ttl: fc.anything(), ['__proto__']: fc.anything() },
        { requiredKeys: [] },
      )
      .map((value) => bytes(stringify(value)))
    const anyBytes = fc.oneof(fc.uint8Array({ maxLength: 5000 }), json, mangled, near)
    await fc.assert(
      fc.asyncProperty(anyBytes, fc.integer({ min: 1, max: 2000 }), async (given, size) => {
        const outcome = await body(inChunks(new Uint8Array(given), size))
        if (typeof outcome === 'string') {
          expect(outcome).toMatch(/^body_(length|encoding|syntax|shape)$/)
        } else {
          const { bundle, min_ttl, ...others } = outcome as Record<string, unknown>
          expect(typeof bundle).toBe('string')
          expect(['undefined', 'number']).toContain(typeof min_ttl)
          expect(others).toEqual({})
        }
      }),
    )
  })
})

describe('a prefetch', () => {
  it.each([
    { given: { 'Sec-Purpose': 'prefetch' }, expected: true },
    { given: { 'Sec-Purpose': 'prefetch;prerender' }, expected: true },
    { given: { 'Sec-Purpose': 'prefetch;anonymous-client-ip' }, expected: true },
    { given: { Purpose: 'prefetch' }, expected: true },
    { given: {}, expected: false },
    { given: { 'Sec-Purpose': '' }, expected: false },
  ])('is told by $given: $expected (TMB-14)', async ({ given, expected }) => {
    expect(await read(new Request(URL_, { headers: { ...given } }), isPrefetch)).toBe(expected)
  })
})

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function stringify(value: unknown): string {
  try {
    return JSON.stringify(value) ?? ''
  } catch {
    return ''
  }
}

function inChunks(whole: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= whole.length) return controller.close()
      controller.enqueue(whole.slice(at, at + size))
      at += size
    },
  })
}

function endless(): {
  body: ReadableStream<Uint8Array>
  pulled(): number
  cancelled(): boolean
} {
  let pulls = 0
  let isCancelled = false
  return {
    body: new ReadableStream<Uint8Array>({
      pull(controller) {
        pulls++
        controller.enqueue(new Uint8Array(1024).fill(0x20))
      },
      cancel() {
        isCancelled = true
      },
    }),
    pulled: () => pulls,
    cancelled: () => isCancelled,
  }
}
