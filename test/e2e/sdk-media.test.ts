/** The media relay as a page sees it, in Chromium: refused URLs, and what Google answers for the bytes. */

import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Broker } from '../../src/client/index.ts'
import type { PickedItem } from '../../src/client/photos/index.ts'
import { pickPhotos } from './support/chromium.ts'
import { connect, MODES, openPopup, outcome, stage, useStage } from './support/stage.ts'

declare const broker: Broker
declare const value: PickedItem[]

useStage()

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
      return failed.then(String, ({ code, description, bundle }) => [code, description, bundle])
    })
    expect(error).toEqual(['invalid_request', expect.stringContaining('media host'), 'pick'])
  })
  it('a script reads the bytes, also after a preflight, and when to try again', async () => {
    const page = await visit()
    await pickPhotos(await openPopup(page, 'Pick'), 12) // the last one is a video that is still processed
    await outcome(page, 'ok')
    const ask = async (index: number, headers: object = {}): Promise<unknown[]> =>
      page.evaluate(
        async ([at, more]) => {
          const src = (await value[at]?.src({ original: true })) ?? ''
          const response = await fetch(src, { headers: { ...more }, cache: 'no-store' })
          const { status, headers } = response
          const { size } = await response.blob()
          return [status, headers.get('Retry-After'), headers.get('ETag'), size > 0]
        },
        [index, headers] as const,
      )
    const [status, , etag] = await ask(0)
    expect([status, etag]).toEqual([200, expect.stringMatching(/^"/)])
    expect(await ask(0, { 'If-None-Match': etag })).toEqual([304, null, etag, false])
    expect(await ask(11)).toEqual([503, '30', null, true])
    await stage.control('__faults', { at: 'media', do: { status: 429, retry_after: 7 } })
    expect(await ask(0)).toEqual([429, '7', null, true])
  })
})
