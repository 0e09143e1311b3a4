/** Names of cookies: what is not exactly ours is not read. */

import { expect, it } from 'vitest'
import { readCookies } from '../../src/session/cookies.ts'

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
