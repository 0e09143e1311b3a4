/** Tests of the configuration: read as a whole, with defaults, and once for each environment. */

import { afterEach, describe, expect, it, vi } from 'vitest'
import { configOf, readConfig } from '../../src/config/config.ts'
import { encoded, secretOf } from '../crypto/keys.ts'
import { KEY, RIGHT } from './right-config.ts'

const DAY_SECONDS = 24 * 60 * 60

const configWith = (vars: Record<string, unknown>): ReturnType<typeof readConfig>['config'] =>
  readConfig({ ...RIGHT, ...vars }).config

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a right configuration', () => {
  it('is read with its defaults', () => {
    const { config, warnings } = readConfig(RIGHT)
    expect(warnings).toEqual([])
    expect(config).toMatchObject({
      base_url: 'https://broker.example',
      origin: 'https://broker.example',
      host: 'broker.example',
      base_path: '',
      issuer: 'https://accounts.google.com',
      client_id: RIGHT.GOOGLE_CLIENT_ID,
      client_secret: RIGHT.GOOGLE_CLIENT_SECRET,
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
    { given: { ISSUER: 'https://idp.example/t' }, expected: { issuer: 'https://idp.example/t' } },
    {
      given: { BASE_URL: 'http://[::1]:1', ISSUER: 'http://localhost:1' },
      expected: { issuer: 'http://localhost:1' },
    },
    { given: { CONSISTENCY: 'strict' }, expected: { consistency: 'strict' } },
    {
      given: { STOPPED: 'client:default, bundle:pick' },
      expected: { stopped: ['client:default', 'bundle:pick'] },
    },
    { given: { SESSION_TTL_SECONDS: '3600' }, expected: { session_ttl_seconds: 3600 } },
    {
      given: { SESSION_IDLE_SECONDS: 400 * DAY_SECONDS },
      expected: { session_idle_seconds: 400 * DAY_SECONDS },
    },
  ])('may have $given', ({ given, expected }) => {
    expect(configWith(given)).toMatchObject(expected)
  })

  it('encrypts with the first key and decrypts with all (TMB-55)', () => {
    const { keyring } = configWith({ ENCRYPTION_KEYS: `k2:${encoded(secretOf(2))}, ${KEY}` })
    expect(keyring.kids).toEqual(['k2', 'k1'])
    expect(keyring.current).toBe('k2')
  })

  it('keeps the pseudonyms of users when encryption keys change (TMB-57)', async () => {
    const identity = { client: 'web', iss: 'https://accounts.google.com', sub: '1' }
    const nameOf = (vars: Record<string, unknown>): Promise<string> =>
      configWith(vars).pseudonyms.subjectKey(identity)
    const rotated = { ENCRYPTION_KEYS: `k2:${encoded(secretOf(2))}` }
    expect(await nameOf(rotated)).toBe(await nameOf({}))
    expect(await nameOf({ PSEUDONYM_KEY: encoded(secretOf(8)) })).not.toBe(await nameOf({}))
  })
})

describe('the configuration of an environment', () => {
  it('is its error while it is wrong, and is not read again (TMB-81)', () => {
    const env: Record<string, unknown> = {}
    const error = configOf(env)
    expect(error).toBeInstanceOf(TypeError)
    Object.assign(env, RIGHT)
    expect(configOf(env)).toBe(error)
  })

  it('logs its warnings once', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const scopes = ['photoslibrary.readonly.appcreateddata']
    const env = { ...RIGHT, BUNDLES: { album: { scopes, reason: 'r' } } }
    configOf(env)
    configOf(env)
    expect(warn.mock.calls).toHaveLength(1)
    expect(JSON.parse(warn.mock.calls[0]?.[0] as string)).toMatchObject({
      ...{ level: 'warn', event: 'configuration_odd' },
      problems: [expect.stringMatching(/^BUNDLES\.album: /)],
    })
  })
})
