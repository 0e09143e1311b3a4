/** This file is the tests of `Server-Timing`. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { startTimings } from '../../src/routes/http/timings.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1000 })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Work that takes its time, then does what it is told. */
async function work<T>(milliseconds: number, then: () => T): Promise<T> {
  await Promise.resolve()
  vi.setSystemTime(Date.now() + milliseconds)
  return then()
}

it('tells the total from the start', () => {
  const timings = startTimings()
  expect(timings.toHeader()).toBe('total;dur=0')
  vi.setSystemTime(1042)
  expect(timings.toHeader()).toBe('total;dur=42')
})

it('adds up the time of each place', async () => {
  const timings = startTimings()
  expect(
    await timings.measure(
      'kv',
      work(3, () => 'a value'),
    ),
  ).toBe('a value')
  timings.add('google', 20)
  await timings.measure(
    'kv',
    work(4, () => undefined),
  )
  expect(timings.toHeader()).toBe('kv;dur=7, google;dur=20, total;dur=7')
})

it('counts the time of work that fails, and fails with it', async () => {
  const timings = startTimings()
  const boom = new Error('boom')
  const failing = work(5, () => {
    throw boom
  })
  await expect(timings.measure('do', failing)).rejects.toBe(boom)
  expect(timings.toHeader()).toBe('do;dur=5, total;dur=5')
})

it('of two requests have nothing to do with each other', () => {
  const [one, other] = [startTimings(), startTimings()]
  one.add('kv', 1)
  expect(other.toHeader()).toBe('total;dur=0')
})
