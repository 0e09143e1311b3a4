/** Cookies: how ours are written and read, and that no other cookie is taken for ours. */

import { describe, expect, it } from 'vitest'
import {
  clearedCookie,
  PENDING_COOKIE_PREFIX,
  readCookies,
  SESSION_COOKIE_PREFIX,
  setCookie,
} from '../../src/session/cookies.ts'

const SESSION = `${SESSION_COOKIE_PREFIX}web`
const PENDING = `${PENDING_COOKIE_PREFIX}abc`

describe('a cookie of ours', () => {
  it.each([
    { name: SESSION, same: 'Strict' },
    { name: PENDING, same: 'Lax' },
  ])('$name has exactly the attributes it needs (TMB-30)', ({ name, same }) => {
    const [pair, ...attributes] = setCookie(name, 'a.b', 60).split('; ')
    expect(pair).toBe(`${name}=a.b`)
    expect(attributes.sort()).toEqual([
      ...['HttpOnly', 'Max-Age=60', 'Path=/', `SameSite=${same}`, 'Secure'],
    ])
    expect(clearedCookie(name)).toBe(setCookie(name, '', 60).replace('Max-Age=60', 'Max-Age=0'))
  })

  it('has a name that only this host can set, and no script (TMB-30)', () => {
    for (const prefix of [SESSION_COOKIE_PREFIX, PENDING_COOKIE_PREFIX])
      expect(prefix).toMatch(/^__Host-Http-/)
  })

  it('keeps white space inside a value, and loses it around', () => {
    const given = `${SESSION}=  a \t b\t ;${PENDING} \t= c`
    expect(readCookies(given).get(SESSION)).toBe('a \t b')
    expect(readCookies(given).get(PENDING)).toBe('c')
  })
})

describe('a request', () => {
  it('without cookies has none', () => {
    for (const header of [undefined, '', ';', '; ;', '=', 'a', SESSION]) {
      const cookies = readCookies(header)
      expect(cookies.get(SESSION)).toBeUndefined()
      expect(cookies.names).toEqual([])
    }
  })

  it('with our cookie among others has it', () => {
    const { get, names } = readCookies(`a=1; ${SESSION}=good=; theme="dark;${PENDING}=p; b`)
    expect(get(SESSION)).toBe('good=')
    expect(get(PENDING)).toBe('p')
    expect(names).toEqual([SESSION, PENDING])
    expect(get('a')).toBeUndefined()
  })

  it.each([
    { given: `${SESSION}=evil; ${SESSION}=good` },
    { given: `${SESSION}=good; ${SESSION}=evil` },
    { given: `${SESSION}=good; a=b; ${SESSION.toLowerCase()}=evil` },
    { given: `${SESSION.toUpperCase()}=evil;${SESSION}=good` },
    { given: `${SESSION}=good; ${SESSION.replace('__Host', '__host')}=evil` },
    { given: `${SESSION}=good;\t${SESSION} =evil` },
  ])('with $given has no session, and its cookies can be removed (TMB-34)', ({ given }) => {
    const cookies = readCookies(given)
    expect(cookies.get(SESSION)).toBeUndefined()
    expect(cookies.get(SESSION.toLowerCase())).toBeUndefined()
    expect(cookies.names).toContain(SESSION)
  })

  it.each([
    `${SESSION.toLowerCase()}=evil`,
    `${SESSION.replace('__Host', '__host')}=evil`,
    `${SESSION.replace('Http', 'HTTP')}=evil`,
    `x${SESSION}=evil`,
    `"${SESSION}"=evil`,
    `${SESSION}%00=evil`,
    `a=1, ${SESSION}=evil`,
    `a="1 ${SESSION}=evil`,
    `%5F%5FHost-Http-ptb-session-web=evil`,
  ])('with only %s has no session (TMB-34)', (header) => {
    expect(readCookies(header).get(SESSION)).toBeUndefined()
  })

  it('is read up to 16 KiB of cookies (TMB-34, TMB-73)', () => {
    const own = `${SESSION}=good; a=`
    const most = own + 'x'.repeat(16 * 1024 - own.length)
    expect(readCookies(most).get(SESSION)).toBe('good')
    expect(readCookies(`${most}x`).get(SESSION)).toBeUndefined()
    expect(readCookies(`${most}x`).names).toEqual([])
  })
})

it.each(['\u2000', '\u00a0', '\ufeff', '\u000b', '\u3000'])(
  'a name after %j has no prefix in a browser, and none here (TMB-34)',
  (space) => {
    const name = '__Host-Http-ptb-session-default'
    expect(readCookies(`${space}${name}=evil`).get(name)).toBeUndefined()
    expect(readCookies(`${name}${space}=evil`).get(name)).toBeUndefined()
    expect(readCookies(`${space}${name}=evil; ${name}=good`).get(name)).toBe('good')
    expect(readCookies(` \t${name}=good\t `).get(name)).toBe('good')
  },
)

it('a name with other characters than ours is not read, and so never sent back', () => {
  expect(readCookies('__Host-Http-ptb-pending-(x=1; __Host-Http-ptb-pending-x)=1').names).toEqual(
    [],
  )
  expect(readCookies('__Host-Http-ptb-pending-(x)=1; __Host-Http-ptb-session-ä=1').names).toEqual(
    [],
  )
})
