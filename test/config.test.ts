/** This file is the tests of the configuration: every fault at once, each with its remedy, and never a value (TMB-81). */

import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Config, readConfig } from '../src/config.ts'

const KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8'
const with_ = (vars: Record<string, unknown>): Record<string, unknown> => ({ ...env, ...vars })

function problemsOf(vars: Record<string, unknown>): string[] {
  try {
    readConfig(with_(vars))
    return []
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError)
    return (error as TypeError).cause as string[]
  }
}

function configOf(vars: Record<string, unknown>): Config {
  return readConfig(with_(vars)).config
}

describe('defaults', () => {
  it('are Google, edge, thirty days, seven days, and one client on the broker’s own origin', () => {
    const config = configOf({ ISSUER: undefined, CONSISTENCY: undefined })
    expect(config).toMatchObject({
      issuer: 'https://accounts.google.com',
      consistency: 'edge',
      session_ttl_seconds: 30 * 86_400,
      session_idle_seconds: 7 * 86_400,
    })
    expect([...config.clients.values()]).toEqual([
      {
        id: 'default',
        origins: new Set(['https://broker.example']),
        bundles: new Set(config.bundles.keys()),
      },
    ])
  })

  it('take a path below the origin', () => {
    expect(configOf({ BASE_URL: 'https://app.example.com/photos-auth/' })).toMatchObject({
      base_url: 'https://app.example.com/photos-auth',
      base_path: '/photos-auth',
      origin: 'https://app.example.com',
      host: 'app.example.com',
    })
  })
})

describe('a fault', () => {
  it.each([
    { given: { BASE_URL: undefined }, names: 'BASE_URL', says: 'Write the public URL' },
    { given: { BASE_URL: 'http://broker.example' }, names: 'BASE_URL', says: 'https://' },
    { given: { BASE_URL: 'https://a.example/?x=canary' }, names: 'BASE_URL', says: 'query' },
    {
      given: { BASE_URL: 'https://canary:canary@a.example/' },
      names: 'BASE_URL',
      says: 'user name',
    },
    { given: { ISSUER: 'http://canary.example' }, names: 'ISSUER', says: 'discovery document' },
    { given: { ISSUER: 'canary' }, names: 'ISSUER', says: 'issuer identifier' },
    { given: { GOOGLE_CLIENT_ID: '' }, names: 'GOOGLE_CLIENT_ID', says: 'Web application' },
    {
      given: { GOOGLE_CLIENT_ID: 'your-client-id.apps.googleusercontent.com' },
      names: 'GOOGLE_CLIENT_ID',
      says: 'missing',
    },
    {
      given: { GOOGLE_CLIENT_ID: 'canary@x.iam.gserviceaccount.com' },
      names: 'GOOGLE_CLIENT_ID',
      says: 'do not support service accounts',
    },
    {
      given: { GOOGLE_CLIENT_SECRET: undefined },
      names: 'GOOGLE_CLIENT_SECRET',
      says: 'wrangler secret put',
    },
    {
      given: { GOOGLE_CLIENT_SECRET: '{"type":"service_account","private_key":"canary"}' },
      names: 'GOOGLE_CLIENT_SECRET',
      says: 'do not support service accounts',
    },
    {
      given: { GOOGLE_CLIENT_SECRET: '-----BEGIN PRIVATE KEY-----canary' },
      names: 'GOOGLE_CLIENT_SECRET',
      says: 'do not support service accounts',
    },
    {
      given: { GOOGLE_CLIENT_SECRET: '{"web":{"client_secret":"canary"}}' },
      names: 'GOOGLE_CLIENT_SECRET',
      says: 'whole file',
    },
    { given: { ENCRYPTION_KEYS: undefined }, names: 'ENCRYPTION_KEYS', says: 'kid:base64url' },
    {
      given: { ENCRYPTION_KEYS: 'canary' },
      names: 'ENCRYPTION_KEYS',
      says: 'entry 1 is not kid:key',
    },
    {
      given: { ENCRYPTION_KEYS: `k1:${KEY},k1:${KEY}` },
      names: 'ENCRYPTION_KEYS',
      says: 'entry 2 repeats a kid',
    },
    {
      given: { ENCRYPTION_KEYS: 'k1:Y2FuYXJ5' },
      names: 'ENCRYPTION_KEYS',
      says: 'has 6 bytes instead of 32',
    },
    { given: { ENCRYPTION_KEYS: 'k1:cana ry!' }, names: 'ENCRYPTION_KEYS', says: 'not base64url' },
    {
      given: { ENCRYPTION_KEYS: `k1:${'A'.repeat(43)}` },
      names: 'ENCRYPTION_KEYS',
      says: 'sample',
    },
    { given: { PSEUDONYM_KEY: undefined }, names: 'PSEUDONYM_KEY', says: '32 random bytes' },
    { given: { PSEUDONYM_KEY: 'canary' }, names: 'PSEUDONYM_KEY', says: 'bytes' },
    { given: { CONSISTENCY: 'canary' }, names: 'CONSISTENCY', says: '"edge" nor "strict"' },
    {
      given: { SESSION_TTL_SECONDS: 'canary' },
      names: 'SESSION_TTL_SECONDS',
      says: 'whole number of seconds',
    },
    { given: { SESSION_IDLE_SECONDS: 59 }, names: 'SESSION_IDLE_SECONDS', says: 'from 60' },
    { given: { TOKENS: undefined }, names: 'TOKENS', says: 'binding is missing' },
    { given: { SUBJECTS: undefined }, names: 'SUBJECTS', says: 'binding is missing' },
    { given: { CALLBACK_LIMIT: undefined }, names: 'CALLBACK_LIMIT', says: 'binding is missing' },
    {
      given: { BUNDLES: { pick: { scopes: ['photoslibrary.readonly'], reason: 'x' } } },
      names: 'BUNDLES.pick',
      says: '2025-03-31',
    },
    { given: { BUNDLES: undefined }, names: 'BUNDLES', says: 'missing' },
    {
      given: { CLIENTS: { web: { origins: ['https://*.example.com'] } } },
      names: 'CLIENTS.web.origins[0]',
      says: 'wildcard',
    },
    {
      given: { CLIENTS: { web: { origins: ['https://App.example.com'] } } },
      names: 'CLIENTS.web.origins[0]',
      says: 'lower case',
    },
    {
      given: { CLIENTS: { web: { origins: ['https://app.example.com/'] } } },
      names: 'CLIENTS.web.origins[0]',
      says: 'without a path',
    },
    {
      given: { CLIENTS: { web: { origins: ['http://app.example.com'] } } },
      names: 'CLIENTS.web.origins[0]',
      says: 'https',
    },
    {
      given: { CLIENTS: { web: { origins: [] } } },
      names: 'CLIENTS.web.origins',
      says: 'origins =',
    },
    {
      given: { CLIENTS: { web: { origins: ['https://a.example'], more: 'canary' } } },
      names: 'CLIENTS.web',
      says: 'not right',
    },
    {
      given: { CLIENTS: { web: { origins: ['https://a.example'], bundles: ['canary'] } } },
      names: 'CLIENTS.web.bundles[0]',
      says: 'no such bundle',
    },
    {
      given: {
        CLIENTS: {
          web: { origins: ['https://a.example'] },
          Web: { origins: ['https://b.example'] },
        },
      },
      names: 'CLIENTS.Web',
      says: 'differs in case',
    },
    { given: { CLIENTS: {} }, names: 'CLIENTS', says: 'empty' },
    { given: { CLIENTS: 'canary' }, names: 'CLIENTS', says: 'not right' },
  ])('of $names says $says', ({ given, names, says }) => {
    const problems = problemsOf(given)
    expect(problems.length).toBeGreaterThan(0)
    const problem =
      problems.find((text) => text.startsWith(`${names}:`) || text.startsWith(names)) ?? ''
    expect(problem).toContain(says)
    expect(problems.join()).not.toContain('canary')
  })

  it('comes with all the others at once', () => {
    const problems = problemsOf({
      BASE_URL: 'x',
      ISSUER: 'x',
      GOOGLE_CLIENT_ID: '',
      GOOGLE_CLIENT_SECRET: '',
      ENCRYPTION_KEYS: '',
      PSEUDONYM_KEY: '',
      BUNDLES: {},
      CLIENTS: {},
      CONSISTENCY: 'x',
    })
    for (const name of [
      'BASE_URL',
      'ISSUER',
      'GOOGLE_CLIENT_ID',
      'GOOGLE_CLIENT_SECRET',
      'ENCRYPTION_KEYS',
      'PSEUDONYM_KEY',
      'BUNDLES',
      'CLIENTS',
      'CONSISTENCY',
    ]) {
      expect(problems.filter((problem) => problem.startsWith(name))).toHaveLength(1)
    }
  })

  it('never repeats what it found, whatever that is', () => {
    const names = [
      'BASE_URL',
      'ISSUER',
      'GOOGLE_CLIENT_ID',
      'GOOGLE_CLIENT_SECRET',
      'ENCRYPTION_KEYS',
      'PSEUDONYM_KEY',
      'CONSISTENCY',
      'SESSION_TTL_SECONDS',
      'CLIENTS',
    ]
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.oneof(
          fc.jsonValue(),
          fc.string().map((text) => `canary-${text}-canary`),
        ),
        (name, value) => {
          const problems = problemsOf({ [name]: value })
          if (typeof value === 'string' && value.includes('canary'))
            expect(problems.join()).not.toContain('canary')
        },
      ),
      { numRuns: 500 },
    )
  })

  it('is not a client of its own machine, nor an http provider there', () => {
    expect(
      problemsOf({
        BASE_URL: 'http://localhost:8787',
        ISSUER: 'http://127.0.0.1:9000',
        CLIENTS: { web: { origins: ['http://localhost:5173'] } },
      }),
    ).toEqual([])
  })
})
