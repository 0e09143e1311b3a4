/** Tests of a wrong configuration: it is refused with every problem at once, and never with a value (TMB-81). */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { encoded, secretOf } from '../crypto/keys.ts'
import { KEY, RIGHT } from './right-config.ts'

const NAMES = [...Object.keys(RIGHT), 'ISSUER', 'CLIENTS', 'CONSISTENCY'].concat([
  ...['SESSION_TTL_SECONDS', 'SESSION_IDLE_SECONDS', 'STOPPED', 'OTHER_SCOPES', 'SECURITY_EVENTS'],
])

/** The problems of an environment; checks that nothing but one TypeError is thrown. */
function problemsOf(env: object): readonly string[] {
  try {
    readConfig(env)
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError)
    expect((error as TypeError).message).toBe('the configuration is faulty')
    const problems = (error as TypeError).cause as string[]
    expect(problems.length).toBeGreaterThan(0)
    return problems
  }
  return []
}

const HTTPS_ONLY = /must begin with https:\/\/ \(http:\/\/ is for localhost only\)\./
const BARE_URL = /must not carry a query, a fragment or a user name\. Write/
const NO_ISSUER = /is not an issuer identifier\. Write .* leave it out for https:\/\/accounts/
const NO_CLIENT_ID = /is missing\. Write the client ID of .* "Web application"/
const NO_CLIENT_SECRET = /is missing\. Write only the client secret/
const SERVICE_ACCOUNT = /The Photos APIs do not support service accounts: .*write/i
const SECONDS = /must be a whole number of seconds from 60 to 34560000; left out, it is /
const NO_BINDING = /the binding is missing\. Copy its section of wrangler\.toml/
const WRONG_SECONDS = [
  ...['canary', '59', 59, '-60', '60.5', 60.5, '1e5', ' 60', '0x60'],
  '34560001',
]

/** Wrong values of one variable each, with what is said about them; every value that is text has a canary in it. */
const WRONG: [name: string, expected: RegExp, ...values: unknown[]][] = [
  [
    ...(['BASE_URL', /is not a URL\. Write the public/] as const),
    ...[undefined, '', 7, 'canary', 'canary.example', '//canary.example', 'https://', '/canary'],
  ],
  ['BASE_URL', HTTPS_ONLY, 'http://canary.example', 'http://localhost.canary.example'],
  ['BASE_URL', HTTPS_ONLY, 'http://127.canary.example', 'http://10.0.0.1/canary', 'canary:x'],
  ['BASE_URL', BARE_URL, 'https://broker.example/?canary', 'https://broker.example/#canary'],
  ['BASE_URL', BARE_URL, 'https://canary@broker.example', 'https://:canary@broker.example'],
  ['BASE_URL', /must not hold a wildcard\. Write/, 'https://*.canary.example'],
  ['ISSUER', NO_ISSUER, 'canary', 7, null, 'http://canary.example', 'ftp://canary.example'],
  ['ISSUER', NO_ISSUER, 'https://idp.example/?canary', 'https://idp.example/#canary'],
  ['GOOGLE_CLIENT_ID', NO_CLIENT_ID, undefined, '', 7, null, 'your-client-id.apps.example'],
  ['GOOGLE_CLIENT_ID', SERVICE_ACCOUNT, 'canary@project.iam.gserviceaccount.com'],
  ['GOOGLE_CLIENT_ID', /has white space in it\. Write/, 'canary canary'],
  ['GOOGLE_CLIENT_SECRET', NO_CLIENT_SECRET, undefined, '', 7, null],
  ['GOOGLE_CLIENT_SECRET', SERVICE_ACCOUNT, '{"type":"service_account","private_key":"canary"}'],
  ['GOOGLE_CLIENT_SECRET', /is a whole file.* Write/, 'GOCSPX canary', '{"web":{"a":"canary"}}'],
  ['ENCRYPTION_KEYS', /is missing\. Write kid:base64url\(32/, undefined, '', 7, null],
  ['ENCRYPTION_KEYS', /entry 1 is not kid:key\. Write/, 'canary'],
  ['ENCRYPTION_KEYS', /entry 2 is not base64url\. Write/, `${KEY},k2:canary!`],
  ['ENCRYPTION_KEYS', /entry 2 repeats a key .* Write/, `${KEY},k2:${encoded(secretOf(1))}`],
  ['PSEUDONYM_KEY', /is missing\. Write 32 random bytes/, undefined, '', 7],
  ['PSEUDONYM_KEY', /is not base64url\. Write/, KEY],
  ['PSEUDONYM_KEY', /equals one of ENCRYPTION_KEYS.* Write/, encoded(secretOf(1))],
  ['BUNDLES', /is missing, empty or not a table\. Write/, undefined, '', null, 'canary'],
  ['CLIENTS', /is missing, empty or not a table\. Write/, '{canary'],
  ['CONSISTENCY', /is neither "edge" nor "strict"\. Write/, 'canary', 'Edge', 7, true, null, {}],
  ['STOPPED', /is not a list of all, client:ID and bundle:NAME\. Write/, 'canary', 7, {}, 'all x'],
  ['SESSION_TTL_SECONDS', SECONDS, ...WRONG_SECONDS, 1e12, null, ['60']],
  ['SESSION_IDLE_SECONDS', SECONDS, ...WRONG_SECONDS],
  ...['TOKENS', 'SUBJECTS', 'ONE_TIME_USES', 'SUBJECT_INDEX', 'CALLBACK_LIMIT'].map(
    (name): [string, RegExp, undefined] => [name, NO_BINDING, undefined],
  ),
]

describe('a wrong configuration', () => {
  it.each(WRONG)(
    'is refused: %s %s (TMB-55, TMB-57, TMB-81, TMB-83)',
    (name, expected, ...values) => {
      for (const value of values) {
        const problems = problemsOf({ ...RIGHT, [name]: value })
        expect(problems).toEqual([expect.stringMatching(expected)])
        expect(problems[0]?.startsWith(`${name}: `)).toBe(true)
        expect(problems[0]).not.toContain('canary')
      }
    },
  )

  it('is refused with all its problems at once, each with the name of its variable (TMB-81)', () => {
    const problems = problemsOf({
      ...Object.fromEntries(NAMES.map((name) => [name, '\u0000canary'])),
      ...{ TOKENS: undefined, SUBJECTS: undefined, ONE_TIME_USES: undefined },
      ...{ SUBJECT_INDEX: undefined, CALLBACK_LIMIT: undefined },
      GOOGLE_CLIENT_ID: '{"canary":1}',
      GOOGLE_CLIENT_SECRET: 'canary canary',
    })
    expect(problems.map((problem) => problem.replace(/[:[].*/s, '')).sort()).toEqual(NAMES.sort())
    expect(problems.join()).not.toContain('canary')
  })

  it('throws nothing else for any garbage in any variable, and repeats none of it (property; TMB-81)', () => {
    const canary = fc
      .tuple(fc.string({ maxLength: 8 }), fc.constantFrom('\u00a7canary', 'canary'), fc.string())
      .map((parts) => parts.join(''))
    const text = fc.oneof(
      canary,
      canary.map((text) => `https://${text}`),
      canary.map((text) => `http://localhost/${text}`),
      canary.map((text) => `k1:${text}`),
      canary.map((text) => JSON.stringify({ web: { origins: [text], bundles: [text] } })),
      canary.map((text) => JSON.stringify({ pick: { scopes: [text], reason: [text] } })),
      canary.map((text) => JSON.stringify([text])),
    )
    const key = fc.constantFrom('web', 'pick', 'origins', 'bundles', 'scopes', 'reason', 'a b')
    const { garbage } = fc.letrec<{ garbage: unknown }>((tie) => ({
      garbage: fc.oneof(
        { depthSize: 'small' },
        text,
        fc.constantFrom(
          undefined,
          null,
          true,
          false,
          0,
          -1,
          Number.NaN,
          1e300,
          10n,
          Symbol('canary'),
        ),
        fc.array(tie('garbage'), { maxLength: 3 }),
        fc.dictionary(key, tie('garbage'), { maxKeys: 3 }),
      ),
    }))
    const vars = fc.record(
      Object.fromEntries(NAMES.map((name) => [name, garbage])) as Record<string, typeof garbage>,
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(vars, (vars) => {
        for (const problem of problemsOf({ ...RIGHT, ...vars })) {
          expect(NAMES).toContain(problem.replace(/[^A-Z_].*/s, ''))
          expect(problem).not.toMatch(/canary/i)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('throws nothing else for any value of one variable (property; TMB-81)', () => {
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), fc.anything(), (name, value) => {
        const problems = problemsOf({ ...RIGHT, [name]: value })
        for (const problem of problems) expect(problem.startsWith(name)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
})
