/** This file is the tests of the configuration: read as a whole, or refused with every fault at once and never a value. */

import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { configOf, readConfig } from '../../src/config/config.ts'
import { isLoopback } from '../../src/config/urls.ts'
import { encoded, secretOf } from '../crypto/keys.ts'

const DAY_SECONDS = 24 * 60 * 60
const KEY = `k1:${encoded(secretOf(1))}`

/** As little as a broker needs. */
const FAULTLESS = {
  BASE_URL: 'https://broker.example',
  GOOGLE_CLIENT_ID: '123-abc.apps.googleusercontent.com',
  GOOGLE_CLIENT_SECRET: 'GOCSPX-abc_DEF-123',
  ENCRYPTION_KEYS: KEY,
  PSEUDONYM_KEY: encoded(secretOf(9)),
  BUNDLES: { pick: { scopes: ['photospicker.mediaitems.readonly'], reason: 'Choose photos' } },
  TOKENS: {},
  SUBJECTS: {},
  ONE_TIME_USES: {},
  SUBJECT_INDEX: {},
  CALLBACK_LIMIT: {},
}
const NAMES = [...Object.keys(FAULTLESS), 'ISSUER', 'CLIENTS', 'CONSISTENCY'].concat([
  ...['SESSION_TTL_SECONDS', 'SESSION_IDLE_SECONDS'],
])

const configWith = (vars: Record<string, unknown>): ReturnType<typeof readConfig>['config'] =>
  readConfig({ ...FAULTLESS, ...vars }).config

/** What is wrong; nothing else than one TypeError may be thrown. */
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

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a faultless configuration', () => {
  it('is read with its defaults', () => {
    const { config, warnings } = readConfig(FAULTLESS)
    expect(warnings).toEqual([])
    expect(config).toMatchObject({
      base_url: 'https://broker.example',
      origin: 'https://broker.example',
      host: 'broker.example',
      base_path: '',
      issuer: 'https://accounts.google.com',
      client_id: FAULTLESS.GOOGLE_CLIENT_ID,
      client_secret: FAULTLESS.GOOGLE_CLIENT_SECRET,
      consistency: 'edge',
      session_ttl_seconds: 30 * DAY_SECONDS,
      session_idle_seconds: 7 * DAY_SECONDS,
    })
    expect([...config.bundles.keys()]).toEqual(['pick'])
    expect([...config.clients.values()]).toEqual([
      { id: 'default', origins: new Set([config.origin]), bundles: new Set(['pick']) },
    ])
    expect(Object.isFrozen(config)).toBe(true)
  })

  it('takes empty optional variables for left out', () => {
    const optional = ['ISSUER', 'CLIENTS', 'CONSISTENCY', 'SESSION_TTL_SECONDS']
    const {
      pseudonyms: _,
      keyring: __,
      ...empty
    } = configWith(
      Object.fromEntries([...optional, 'SESSION_IDLE_SECONDS'].map((name) => [name, ''])),
    )
    expect(configWith({})).toMatchObject(empty)
  })

  it.each<{ given: Record<string, unknown>; expected: Record<string, unknown> }>([
    {
      given: { BASE_URL: 'https://app.example:8443/photos-auth/' },
      expected: {
        base_url: 'https://app.example:8443/photos-auth',
        origin: 'https://app.example:8443',
        host: 'app.example:8443',
        base_path: '/photos-auth',
      },
    },
    { given: { BASE_URL: 'https://BROKER.example///' }, expected: { host: 'broker.example' } },
    { given: { BASE_URL: 'http://localhost:8787' }, expected: { host: 'localhost:8787' } },
    { given: { BASE_URL: 'http://127.0.0.1:8787' }, expected: { host: '127.0.0.1:8787' } },
    { given: { BASE_URL: 'http://[::1]:8787' }, expected: { host: '[::1]:8787' } },
    { given: { ISSUER: 'https://idp.example/t' }, expected: { issuer: 'https://idp.example/t' } },
    { given: { ISSUER: 'https://idp.example/' }, expected: { issuer: 'https://idp.example/' } },
    { given: { ISSUER: 'http://localhost:1' }, expected: { issuer: 'http://localhost:1' } },
    { given: { CONSISTENCY: 'strict' }, expected: { consistency: 'strict' } },
    { given: { CONSISTENCY: 'edge' }, expected: { consistency: 'edge' } },
    {
      given: { STOPPED: 'client:my.app_2-x, bundle:pick' },
      expected: { stopped: ['client:my.app_2-x', 'bundle:pick'] },
    },
    { given: { SESSION_TTL_SECONDS: '3600' }, expected: { session_ttl_seconds: 3600 } },
    { given: { SESSION_TTL_SECONDS: 60 }, expected: { session_ttl_seconds: 60 } },
    {
      given: { SESSION_IDLE_SECONDS: 400 * DAY_SECONDS },
      expected: { session_idle_seconds: 400 * DAY_SECONDS },
    },
  ])('may have $given', ({ given, expected }) => {
    expect(configWith(given)).toMatchObject(expected)
  })

  it('seals with the first of its keys and opens with all (TMB-55)', () => {
    const { keyring } = configWith({ ENCRYPTION_KEYS: `k2:${encoded(secretOf(2))}, ${KEY}` })
    expect(keyring.kids).toEqual(['k2', 'k1'])
    expect(keyring.current).toBe('k2')
  })

  it('names users alike whatever the other keys are (TMB-57)', async () => {
    const identity = { client: 'web', iss: 'https://accounts.google.com', sub: '1' }
    const nameOf = (vars: Record<string, unknown>): Promise<string> =>
      configWith(vars).pseudonyms.subjectKey(identity)
    const rotated = { ENCRYPTION_KEYS: `k2:${encoded(secretOf(2))}` }
    expect(await nameOf(rotated)).toBe(await nameOf({}))
    expect(await nameOf({ PSEUDONYM_KEY: encoded(secretOf(8)) })).not.toBe(await nameOf({}))
  })

  it('may be all of this machine, where http is as good as https', () => {
    const local = {
      BASE_URL: 'http://localhost:8787',
      ISSUER: 'http://127.0.0.1:9000',
      CLIENTS: { web: { origins: ['http://localhost:5173'] } },
    }
    expect(problemsOf({ ...FAULTLESS, ...local })).toEqual([])
  })

  it('tells what is allowed but odd', () => {
    const scopes = ['photoslibrary.readonly.appcreateddata']
    const { warnings } = readConfig({ ...FAULTLESS, BUNDLES: { album: { scopes, reason: 'r' } } })
    expect(warnings).toEqual([
      expect.stringMatching(/^BUNDLES\.album: .*photoslibrary\.appendonly/),
    ])
  })
})

/** One row a way to be wrong; whatever is a value has a canary in it. */
const FAULTS: { given: Record<string, unknown>; expected: RegExp }[] = [
  ...[undefined, '', 7, 'canary', 'canary.example', '//canary.example', 'https://', '/canary'].map(
    (BASE_URL) => ({ given: { BASE_URL }, expected: /^BASE_URL: is not a URL\. Write the public/ }),
  ),
  ...[
    'http://canary.example',
    'http://localhost.canary.example',
    'http://127.canary.example',
    'http://10.0.0.1/canary',
    'ftp://canary.example',
    'canary:x',
  ].map((BASE_URL) => ({
    given: { BASE_URL },
    expected: /^BASE_URL: must begin with https:\/\/ \(http:\/\/ is for localhost only\)\./,
  })),
  ...[
    'https://broker.example/?canary',
    'https://broker.example/a?a=canary',
    'https://broker.example/#canary',
    'https://canary@broker.example',
    'https://u:canary@broker.example',
    'https://:canary@broker.example',
  ].map((BASE_URL) => ({
    given: { BASE_URL },
    expected: /^BASE_URL: must not carry a query, a fragment or a user name\. Write/,
  })),
  ...[
    'canary',
    7,
    null,
    'accounts.canary.example',
    'http://canary.example',
    'ftp://canary.example',
    'https://idp.example/?canary',
    'https://idp.example/#canary',
  ].map((ISSUER) => ({
    given: { ISSUER },
    expected: /^ISSUER: is not an issuer identifier\. Write .* leave it out for https:\/\/accounts/,
  })),
  ...[undefined, '', 7, null, 'your-client-id.apps.googleusercontent.com'].map(
    (GOOGLE_CLIENT_ID) => ({
      given: { GOOGLE_CLIENT_ID },
      expected: /^GOOGLE_CLIENT_ID: is missing\. Write the client ID of .* "Web application"/,
    }),
  ),
  ...[
    'canary@project.iam.gserviceaccount.com',
    '{"type":"service_account","client_email":"canary"}',
    ' {"web":{"client_id":"canary"}}',
  ].map((GOOGLE_CLIENT_ID) => ({
    given: { GOOGLE_CLIENT_ID },
    expected: /^GOOGLE_CLIENT_ID: .* The Photos APIs do not support service accounts: write/,
  })),
  ...[undefined, '', 7, null].map((GOOGLE_CLIENT_SECRET) => ({
    given: { GOOGLE_CLIENT_SECRET },
    expected: /^GOOGLE_CLIENT_SECRET: is missing\. Write only the client secret/,
  })),
  ...[
    '{"type":"service_account","private_key":"canary"}',
    '-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----',
    '-----BEGIN RSA PRIVATE KEY-----canary',
  ].map((GOOGLE_CLIENT_SECRET) => ({
    given: { GOOGLE_CLIENT_SECRET },
    expected:
      /^GOOGLE_CLIENT_SECRET: is a service-account key\. The Photos APIs do not support service accounts, .* Write/,
  })),
  ...['{"web":{"client_secret":"canary"}}', 'GOCSPX canary', '{canary}'].map(
    (GOOGLE_CLIENT_SECRET) => ({
      given: { GOOGLE_CLIENT_SECRET },
      expected: /^GOOGLE_CLIENT_SECRET: is a whole file, not a secret\. Write only/,
    }),
  ),
  ...[undefined, '', 7, null].map((ENCRYPTION_KEYS) => ({
    given: { ENCRYPTION_KEYS },
    expected: /^ENCRYPTION_KEYS: is missing\. Write kid:base64url\(32 random bytes\)/,
  })),
  {
    given: { ENCRYPTION_KEYS: 'canary' },
    expected: /^ENCRYPTION_KEYS: entry 1 is not kid:key\. Write/,
  },
  {
    given: { ENCRYPTION_KEYS: 'k1:cana ry!' },
    expected: /^ENCRYPTION_KEYS: entry 1 is not base64url\. Write/,
  },
  {
    given: { ENCRYPTION_KEYS: `${KEY},k2:canary!` },
    expected: /^ENCRYPTION_KEYS: entry 2 is not base64url\. Write/,
  },
  {
    given: { ENCRYPTION_KEYS: 'k1:canarycanary0000' },
    expected: /^ENCRYPTION_KEYS: entry 1 has 12 bytes instead of 32\. Write/,
  },
  {
    given: { ENCRYPTION_KEYS: `${KEY},${KEY}` },
    expected: /^ENCRYPTION_KEYS: entry 2 repeats a kid\. Write/,
  },
  {
    given: { ENCRYPTION_KEYS: `${KEY},k2:${encoded(new Uint8Array(32).fill(0x61))}` },
    expected: /^ENCRYPTION_KEYS: entry 2 is a sample, not random bytes\. Write/,
  },
  ...[undefined, '', 7].map((PSEUDONYM_KEY) => ({
    given: { PSEUDONYM_KEY },
    expected: /^PSEUDONYM_KEY: is missing\. Write 32 random bytes/,
  })),
  { given: { PSEUDONYM_KEY: KEY }, expected: /^PSEUDONYM_KEY: is not base64url\. Write/ },
  { given: { PSEUDONYM_KEY: 'canary00' }, expected: /^PSEUDONYM_KEY: has 6 bytes .* 32\. Write/ },
  {
    given: { PSEUDONYM_KEY: encoded(new Uint8Array(32)) },
    expected: /^PSEUDONYM_KEY: is a sample, not random bytes\. Write/,
  },
  ...[undefined, '', null].map((BUNDLES) => ({
    given: { BUNDLES },
    expected: /^BUNDLES: is missing\. Write/,
  })),
  { given: { BUNDLES: 'canary' }, expected: /^BUNDLES: is not a table of bundles\. Write/ },
  {
    given: { BUNDLES: { pick: { scopes: ['photoslibrary.readonly'], reason: 'canary' } } },
    expected: /^BUNDLES\.pick: .*removed by Google on 2025-03-31/,
  },
  {
    given: { CLIENTS: { web: { origins: ['https://canary.example/'] } } },
    expected: /^CLIENTS\.web\.origins\[0\]: is not an exact https origin\. Write/,
  },
  {
    given: { CLIENTS: { web: { origins: ['https://app.example'], bundles: ['canary'] } } },
    expected:
      /^CLIENTS\.web\.bundles\[0\]: there is no such bundle in BUNDLES\. Write one of: pick\./,
  },
  { given: { CLIENTS: '{canary' }, expected: /^CLIENTS: is not right\. A client is/ },
  ...['canary', 'Edge', 'STRICT', 7, true, null, {}].map((CONSISTENCY) => ({
    given: { CONSISTENCY },
    expected: /^CONSISTENCY: is neither "edge" nor "strict"\. Write one of them/,
  })),
  ...[
    'canary',
    '59',
    59,
    '-60',
    '60.5',
    60.5,
    '1e5',
    ' 60',
    '0x60',
    '34560001',
    1e12,
    null,
  ].flatMap((seconds) =>
    ['SESSION_TTL_SECONDS', 'SESSION_IDLE_SECONDS'].map((name) => ({
      given: { [name]: seconds },
      expected: new RegExp(`^${name}: must be a whole number of seconds from 60 to 34560000; `),
    })),
  ),
  ...['TOKENS', 'SUBJECTS', 'ONE_TIME_USES', 'SUBJECT_INDEX', 'CALLBACK_LIMIT'].map((name) => ({
    given: { [name]: undefined },
    expected: new RegExp(`^${name}: the binding is missing\\. Copy its section of wrangler\\.toml`),
  })),
]

describe('a faulty configuration', () => {
  it.each(FAULTS)('$given: $expected (TMB-81, TMB-83)', ({ given, expected }) => {
    const problems = problemsOf({ ...FAULTLESS, ...given })
    expect(problems).toEqual([expect.stringMatching(expected)])
    expect(problems[0]).not.toContain('canary')
  })

  it('tells all its faults at once, each by the name of its variable (TMB-81)', () => {
    const problems = problemsOf({
      ...Object.fromEntries(NAMES.map((name) => [name, '\u0000canary'])),
      ...{ TOKENS: undefined, SUBJECTS: undefined, ONE_TIME_USES: undefined },
      ...{ SUBJECT_INDEX: undefined, CALLBACK_LIMIT: undefined },
      GOOGLE_CLIENT_ID: '{"canary":1}',
      GOOGLE_CLIENT_SECRET: 'canary canary',
    })
    expect(problems.map((problem) => problem.replace(/:.*/s, '')).sort()).toEqual(NAMES.sort())
    expect(problems.join()).not.toContain('canary')
  })

  it('tells what is missing from nothing at all', () => {
    const named = problemsOf({}).map((problem) => problem.replace(/:.*/s, ''))
    expect(named.sort()).toEqual(Object.keys(FAULTLESS).sort())
  })

  it('of whatever garbage in any variable throws nothing else, and repeats none of it (property; TMB-81)', () => {
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
        for (const problem of problemsOf({ ...FAULTLESS, ...vars })) {
          expect(NAMES).toContain(problem.replace(/[^A-Z_].*/s, ''))
          expect(problem).not.toMatch(/canary/i)
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('of anything at all in one variable throws nothing else (property; TMB-81)', () => {
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), fc.anything(), (name, value) => {
        const problems = problemsOf({ ...FAULTLESS, [name]: value })
        for (const problem of problems) expect(problem.startsWith(name)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the configuration of an environment', () => {
  it('is read once', () => {
    const env = { ...FAULTLESS }
    expect(configOf(env)).toBe(configOf(env))
    expect(configOf({ ...FAULTLESS })).not.toBe(configOf(env))
  })

  it('comes back as its error while it is faulty, and is not read again (TMB-81)', () => {
    const env: Record<string, unknown> = {}
    const error = configOf(env)
    expect(error).toBeInstanceOf(TypeError)
    Object.assign(env, FAULTLESS)
    expect(configOf(env)).toBe(error)
  })

  it('has its oddities logged once', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const scopes = ['photoslibrary.readonly.appcreateddata']
    const env = { ...FAULTLESS, BUNDLES: { album: { scopes, reason: 'r' } } }
    configOf(env)
    configOf(env)
    expect(warn.mock.calls).toHaveLength(1)
    expect(JSON.parse(warn.mock.calls[0]?.[0] as string)).toMatchObject({
      ...{ level: 'warn', event: 'configuration_odd' },
      problems: [expect.stringMatching(/^BUNDLES\.album: /)],
    })
  })

  it('that cannot even be looked at fails as what it is', () => {
    const boom = new RangeError('boom')
    const env = {
      get BASE_URL(): string {
        throw boom
      },
    }
    expect(() => configOf(env)).toThrow(boom)
  })
})

it.each([
  { given: 'http://localhost:1', expected: true },
  { given: 'http://127.0.0.1', expected: true },
  { given: 'http://127.1', expected: true },
  { given: 'http://127.9.9.9', expected: true },
  { given: 'http://[::1]:1', expected: true },
  { given: 'http://localhost.evil.example', expected: false },
  { given: 'http://evil.localhost', expected: false },
  { given: 'http://127.0.0.1.evil.example', expected: false },
  { given: 'http://0.0.0.0', expected: false },
  { given: 'http://10.0.0.1', expected: false },
  { given: 'http://[::2]', expected: false },
])('$given is of this machine: $expected (TMB-83)', ({ given, expected }) => {
  expect(isLoopback(new URL(given))).toBe(expected)
})

it.each([
  {
    what: 'one key under two kids',
    name: 'ENCRYPTION_KEYS',
    vars: { ENCRYPTION_KEYS: `${KEY},k2:${encoded(secretOf(1))}` },
  },
  {
    what: 'a pseudonym key that is an encryption key',
    name: 'PSEUDONYM_KEY',
    vars: { PSEUDONYM_KEY: encoded(secretOf(1)) },
  },
])('$what is refused (TMB-55, TMB-57)', ({ name, vars }) => {
  const read = (): unknown => readConfig({ ...FAULTLESS, ...vars })
  expect(read).toThrow(TypeError)
  try {
    read()
  } catch (error) {
    expect((error as Error).cause).toEqual([
      expect.stringMatching(new RegExp(`^${name}: .* Write `)),
    ])
  }
})
