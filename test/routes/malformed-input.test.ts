/** Tests of input that is too large or malformed: it is refused before it is used (TMB-06, TMB-73). */

import { describe, expect, it } from 'vitest'
import { answerOf, browse, logIn, the } from '../support/broker.ts'

describe('oversized and malformed input', () => {
  it.each([
    { what: 'a URL of 9 KB', request: () => new Request(`${the.url}/bundles?${'x'.repeat(9000)}`) },
    { what: 'a body of 1 MB', request: () => post('x'.repeat(1_000_000)) },
  ])('is refused: $what (TMB-73)', async ({ request }) => {
    const browser = browse()
    await logIn(browser)
    const { url, method, headers, body } = request()
    expect((await browser.fetch(url, { method, headers, body })).status).toBe(400)
  })

  it.each([
    '',
    '{"bundle":1}',
    '{"bundle":"pick","min_ttl":-1}',
    '{"bundle":"pick","min_ttl":1801}',
    '{"bundle":"pick","rejected":"x"}',
    '{"bundle":"pick","more":1}',
  ])('is refused: the body %j (TMB-73)', async (text) => {
    const browser = browse()
    await logIn(browser)
    const made = post(text)
    const { status, body } = await answerOf(
      await browser.fetch(made.url, { method: 'POST', headers: made.headers, body: text }),
    )
    expect(status).toBe(400)
    expect(body.error).toBe('invalid_request')
  })

  it.each(['__proto__', 'PICK', 'pick ', 'no-such', ''])(
    'is refused: the bundle %j (TMB-06)',
    async (bundle) => {
      const browser = browse()
      await logIn(browser)
      const { status, body } = await answerOf(
        await browser.call('POST', `${the.url}/session/token`, { bundle }),
      )
      expect(status).toBe(400)
      expect(body.error).toBe('invalid_scope')
    },
  )

  function post(body: BodyInit): Request {
    return new Request(`${the.url}/session/token`, {
      method: 'POST',
      body,
      headers: {
        Origin: the.url,
        'X-Requested-With': 'photos-token-broker',
        'Content-Type': 'application/json',
      },
    })
  }
})
