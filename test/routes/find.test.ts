/** This file is the tests of return targets: the tricks of open redirects, and what is allowed (TMB-68). */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findReturnTo } from '../../src/routes/find.ts'
import { theConfig } from '../support/broker.ts'

const config = theConfig()
const client = {
  id: 'web',
  origins: new Set(['https://app.example', 'http://localhost:5173']),
  bundles: new Set(['pick']),
}
const find = (text: string | null): string | undefined => {
  try {
    return findReturnTo(config, client, text)
  } catch {
    return undefined
  }
}

describe('a return target', () => {
  it.each([
    ['/', 'https://broker.example/'],
    ['/app?x=1&y=%20', 'https://broker.example/app?x=1&y=%20'],
    ['/a/../b', 'https://broker.example/b'],
    ['https://app.example', 'https://app.example/'],
    ['https://app.example/deep/path?x', 'https://app.example/deep/path?x'],
    ['http://localhost:5173/', 'http://localhost:5173/'],
  ])('%s is %s', (text, expected) => {
    expect(find(text)).toBe(expected)
  })

  it.each([
    null,
    '',
    'app',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    ' /app',
    '/app ',
    'https:evil.example',
    'https:/evil.example',
    'https:///evil.example',
    'https://evil.example',
    'https://app.example@evil.example/',
    'https://user@app.example/',
    'https://user:pass@app.example/',
    'https://app.example.evil.example/',
    'https://evilapp.example/',
    'https://app.example:8443/',
    'http://app.example/',
    'HTTPS://APP.EXAMPLE\\@evil.example/',
    'https://app.example\\.evil.example/',
    'https://app.example%2eevil.example/',
    'https://аpp.example/',
    'https://app。example/',
    'javascript:alert(1)',
    'data:text/html,x',
    'blob:https://app.example/x',
    'file:///etc/passwd',
    '/app#fragment',
    'https://app.example/#x',
    '/app\0',
    '/\ud800',
    `/${'x'.repeat(1024)}`,
    'https://broker.example/', // an absolute URL has to be the client's
  ])('%j is refused', (text) => {
    expect(find(text)).toBeUndefined()
  })

  it('that is accepted leads to an allowed origin, whatever it is made of', () => {
    const piece = fc.constantFrom(
      '/',
      '\\',
      '.',
      ':',
      '@',
      '?',
      '%2f',
      '%5c',
      'https:',
      'http:',
      '//',
      'evil.example',
      'app.example',
      'broker.example',
      'localhost:5173',
      '\t',
      ' ',
      'a',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const found = find(pieces.join(''))
        if (found !== undefined)
          expect(['https://broker.example', ...client.origins]).toContain(new URL(found).origin)
      }),
      { numRuns: 3000 },
    )
  })
})
