/** This file is the tests of our cookies: how they are written, and which are believed (TMB-30, TMB-34). */

import { describe, expect, it } from 'vitest'
import {
  clearedCookie,
  pendingCookie,
  readCookies,
  sessionCookie,
} from '../../src/session/cookie.ts'

const SESSION = '__Host-Http-ptb-session-default'
const PENDING = '__Host-Http-ptb-pending-abc'

describe('a cookie', () => {
  it.each([
    {
      what: 'the session',
      line: sessionCookie(SESSION, 'v', 60),
      expected: [`${SESSION}=v`, 'Max-Age=60', 'SameSite=Strict'],
    },
    {
      what: 'a pending authorization',
      line: pendingCookie(PENDING, 'v', 60),
      expected: [`${PENDING}=v`, 'Max-Age=60', 'SameSite=Lax'],
    },
    {
      what: 'a session taken away',
      line: clearedCookie(SESSION),
      expected: [`${SESSION}=`, 'Max-Age=0', 'SameSite=Strict'],
    },
    {
      what: 'a pending authorization taken away',
      line: clearedCookie(PENDING),
      expected: [`${PENDING}=`, 'Max-Age=0', 'SameSite=Lax'],
    },
  ])('of $what is for this host, path / and no script (TMB-30)', ({ line, expected }) => {
    expect(line.split('; ').sort()).toEqual([...expected, 'Path=/', 'HttpOnly', 'Secure'].sort())
  })
})

describe('a Cookie header', () => {
  it('gives a cookie that came once', () => {
    expect(readCookies(`a=b; ${SESSION}=v=w; c`).get(SESSION)).toBe('v=w')
  })

  it.each([
    `${SESSION}=evil; ${SESSION}=good`,
    `${SESSION}=good; ${SESSION}=evil`,
    `${SESSION.toLowerCase()}=evil; ${SESSION}=good`,
    `${SESSION}=good; ${SESSION.toUpperCase()}=evil`,
  ])('is not believed when a name comes twice: %s (TMB-34)', (header) => {
    const cookies = readCookies(header)
    expect(cookies.get(SESSION)).toBeUndefined()
    expect(cookies.names).toContain(SESSION)
  })

  it.each([
    undefined,
    '',
    '=',
    ';;;',
    `${SESSION.toLowerCase()}=v`,
    ` ${SESSION} `,
    `x${SESSION}=v`,
    `${SESSION}=v; ${'x'.repeat(20_000)}=y`,
  ])('without it, or too long to be read, gives none: %j', (header) => {
    expect(readCookies(header).get(SESSION)).toBeUndefined()
  })
})
