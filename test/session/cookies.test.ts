/** Names of cookies: what is not exactly ours is not read. */

import { describe, expect, it } from 'vitest'
import {
  clearedCookie,
  readCookies,
  SESSION_COOKIE_PREFIX,
  setCookie,
} from '../../src/session/cookies.ts'

const PUBLIC = { origin: 'https://broker.example' }
const SESSION = `${SESSION_COOKIE_PREFIX}default`

it.each(['\u2000', '\u00a0', '\ufeff', '\u000b', '\u3000'])(
  'a name after %j has no prefix in a browser, and none here (TMB-34)',
  (space) => {
    const name = '__Host-Http-ptb-session-default'
    expect(readCookies(PUBLIC, `${space}${name}=evil`).get(name)).toBeUndefined()
    expect(readCookies(PUBLIC, `${name}${space}=evil`).get(name)).toBeUndefined()
    expect(readCookies(PUBLIC, `${space}${name}=evil; ${name}=good`).get(name)).toBe('good')
    expect(readCookies(PUBLIC, ` \t${name}=good\t `).get(name)).toBe('good')
  },
)

it('a name with other characters than ours is not read, and so never sent back', () => {
  expect(
    readCookies(PUBLIC, '__Host-Http-ptb-pending-(x=1; __Host-Http-ptb-pending-x)=1').names,
  ).toEqual([])
  expect(
    readCookies(PUBLIC, '__Host-Http-ptb-pending-(x)=1; __Host-Http-ptb-session-ä=1').names,
  ).toEqual([])
})

describe('over http, on this machine only', () => {
  const LOCAL = { origin: 'http://localhost:8787' }

  it('a cookie is not Secure and has no prefix, so that Safari keeps it; over https it has both', () => {
    expect(setCookie(LOCAL, SESSION, 'x', 60)).toBe(
      'ptb-8787-session-default=x; Max-Age=60; Path=/; HttpOnly; SameSite=Strict',
    )
    expect(setCookie(PUBLIC, SESSION, 'x', 60)).toBe(
      '__Host-Http-ptb-session-default=x; Max-Age=60; Path=/; HttpOnly; Secure; SameSite=Strict',
    )
    expect(clearedCookie({ origin: 'http://localhost' }, SESSION)).toMatch(
      /^ptb-80-session-default=;/,
    )
  })

  it('a cookie is read by the broker on its port and no other, and never over https (TMB-30)', () => {
    const sent = 'ptb-8787-session-default=x'
    expect(readCookies(LOCAL, sent).get(SESSION)).toBe('x')
    expect(readCookies(LOCAL, sent).names).toEqual([SESSION])
    expect(readCookies(LOCAL, `${sent}; PTB-8787-session-default=y`).get(SESSION)).toBeUndefined()
    for (const other of [
      PUBLIC,
      { origin: 'http://localhost:8788' },
      { origin: 'https://localhost:8787' },
    ])
      expect(readCookies(other, sent).names, other.origin).toEqual([])
    expect(readCookies(LOCAL, '__Host-Http-ptb-session-default=x').names).toEqual([])
  })
})
