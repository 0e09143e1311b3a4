/** Tests of the readers of a request: query, JSON body, prefetch. */

import fc from 'fast-check'
import { Hono } from 'hono'
import { number, optional, strictObject, string } from 'valibot'
import { describe, expect, it } from 'vitest'
import { BrokerError } from '../../src/errors.ts'
import type { BrokerContext, BrokerEnv } from '../../src/routes/http/context.ts'
import { isPrefetch, readJson, readQuery } from '../../src/routes/http/read-request.ts'

const URL_ = 'https://broker.example/x'
const SHAPE = strictObject({ bundle: string(), min_ttl: optional(number()) })
const JSON_TYPE = { 'Content-Type': 'application/json' }

/** What a reader returns, or the reason for which it refuses with `invalid_request`. */
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
  it.each(['?a=1&a=1', '?a&a', '?a=1&b=2&%61=3', '?=1&=2', '?code=x&code=', '?a+b&a%20b'])(
    '%s repeats a parameter and is refused (TMB-14)',
    async (given) => {
      expect(await query(given)).toBe('parameter_repeated')
    },
  )

  it('is refused if and only if a name is repeated (property; TMB-14)', async () => {
    const name = fc.constantFrom('a', 'A', 'b', 'state', '__proto__', '%61', '')
    const pairs = fc.array(fc.tuple(name, fc.constantFrom('1', '', '%00')), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(pairs, async (pairs) => {
        const outcome = await query(`?${new URLSearchParams(pairs)}`)
        const isUnique = new Set(pairs.map(([name]) => name)).size === pairs.length
        expect(outcome === 'parameter_repeated').toBe(!isUnique)
      }),
    )
  })
})

describe('a JSON body', () => {
  it.each([
    'text/plain; application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=application/json',
    '',
  ])('of type "%s" is refused, since a form could send it (TMB-37)', async (type) => {
    expect(await body('{"bundle":"pick"}', { 'Content-Type': type })).toBe('content_type_json')
    expect(await body(bytes('{"bundle":"pick"}'), {})).toBe('content_type_json')
  })

  it.each([
    { given: '{"bundle":"pick"}{}', expected: 'body_syntax' },
    { given: '\ufeff{"bundle":"pick"}', expected: 'body_syntax' },
    { given: '['.repeat(4000), expected: 'body_syntax' },
    { given: '['.repeat(2000) + ']'.repeat(2000), expected: 'parameter_missing' },
    { given: '"pick"', expected: 'body_shape' },
    { given: '{"bundle":"pick","scope":"all"}', expected: 'member_unknown' },
    { given: '{"bundle":"pick","__proto__":{"min_ttl":1}}', expected: 'member_unknown' },
  ])('%j is refused (TMB-73)', async ({ given, expected }) => {
    expect(await body(given)).toBe(expected)
  })

  it('of 4 KiB is read, and one byte more is refused (TMB-73)', async () => {
    const most = '{"bundle":"pick"}'.padEnd(4096)
    for (const text of [most, inChunks(bytes(most), 100)])
      expect(await body(text)).toEqual({ bundle: 'pick' })
    for (const text of [`${most} `, inChunks(bytes(`${most} `), 100)])
      expect(await body(text)).toBe('body_length')
  })

  it.each([
    { more: { 'Content-Length': '4097' }, reads: 4 },
    { more: {}, reads: 10 },
    { more: { 'Content-Length': 'canary' }, reads: 10 },
  ])('that never ends is cancelled after 4 KiB, with $more (TMB-73)', async ({ more, reads }) => {
    let pulled = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++
        controller.enqueue(new Uint8Array(1024).fill(0x20))
      },
    })
    expect(await body(endless, { ...JSON_TYPE, ...more })).toBe('body_length')
    expect(pulled).toBeLessThan(reads)
  })

  it('of any bytes has the required shape or is refused (property; TMB-73)', async () => {
    const json = fc.json({ depthSize: 'large' }).map(bytes)
    const mangled = fc
      .tuple(fc.constant(bytes('{"bundle":"\u20ac","min_ttl":12}')), fc.nat(28), fc.nat(255))
      .map(([text, at, byte]) => text.with(at, byte))
    const anyBytes = fc.oneof(fc.uint8Array({ maxLength: 5000 }), json, mangled)
    await fc.assert(
      fc.asyncProperty(anyBytes, fc.integer({ min: 1, max: 2000 }), async (given, size) => {
        const outcome = await body(inChunks(new Uint8Array(given), size))
        if (typeof outcome === 'string') {
          expect(outcome).toMatch(
            /^(body_(length|encoding|syntax|shape)|parameter_missing|member_unknown)$/,
          )
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

it.each([
  { given: { 'Sec-Purpose': 'prefetch;prerender' }, expected: true },
  { given: { Purpose: 'prefetch' }, expected: true },
  { given: { 'Sec-Purpose': '' }, expected: false },
])('$given is a prefetch: $expected (TMB-14)', async ({ given, expected }) => {
  expect(await read(new Request(URL_, { headers: { ...given } }), isPrefetch)).toBe(expected)
})

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
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
