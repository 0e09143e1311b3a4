/** The media relay as a page sees it, in Chromium: refused URLs, and what Google answers for the bytes. */

import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Broker } from '../../src/client/index.ts'
import { connect, MODES, type Stage, startStage } from './support/stage.ts'

declare const broker: Broker

let stage: Stage

beforeAll(async () => {
  stage = await startStage()
})

afterEach(() => stage.clear())

afterAll(async () => stage?.close())

describe.each(MODES)('in %s mode', (mode) => {
  async function visit(): Promise<Page> {
    const { page } = await stage.visit(mode)
    await connect(page)
    return page
  }

  it('media() gives an empty text for a URL that is refused, and fails if all are', async () => {
    const page = await visit()
    const urls = [`${stage.simulator}/media/x=w1`, 'https://evil.example/']
    const [taken, refused] = await page.evaluate((all) => broker.media('pick', all), urls)
    expect(taken?.startsWith(`${stage.url}/media?ticket=`)).toBe(true)
    expect(refused).toBe('')
    const error = await page.evaluate(async () => {
      const failed = broker.media('pick', ['https://evil.example/'])
      return failed.then(String, ({ code, message, bundle }) => [code, message, bundle])
    })
    expect(error).toEqual(['invalid_request', expect.stringContaining('media host'), 'pick'])
  })
})
