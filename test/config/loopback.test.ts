/** Tests of loopback addresses in the configuration: only for a broker on this machine, and there with any port. */

import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Client, hasOrigin, hasRedirectUri, parseClients } from '../../src/config/clients.ts'
import { readConfig } from '../../src/config/config.ts'

const LOCAL = 'http://localhost:8787'
const PUBLIC = 'https://broker.example'
const ANY = ['http://localhost:*', 'http://127.0.0.1:*']
const local = { origins: ANY, redirect_uris: ANY }

function parse(table: object, broker: string = LOCAL): ReturnType<typeof parseClients> {
  return parseClients(table, broker, ['pick'])
}

function clientOf(table: Record<string, object>, id = 'local'): Client {
  const { clients, problems } = parse(table)
  expect(problems).toEqual([])
  return clients.get(id) as Client
}

describe('any port of this machine (RFC 8252 §7.3)', () => {
  it('is an origin: http://localhost:* and http://127.0.0.1:*', () => {
    const client = clientOf({ local })
    for (const origin of ['http://localhost', 'http://localhost:1', 'http://127.0.0.1:65535'])
      expect(hasOrigin(client, origin), origin).toBe(true)
    for (const origin of [
      ...['http://localhost:1@evil.example', 'http://localhost.evil.example:80', 'null', ''],
      ...['http://localhost:*', 'https://localhost:1', 'http://localhost:1/', 'http://localhost:'],
      ...['http://127.0.0.1.evil.example', 'http://127.0.0.2:1', 'http://[::1]:1'],
      ...['http://localhost:1\n', 'http://LOCALHOST:1', 'http://evil.example/http://localhost:1'],
    ])
      expect(hasOrigin(client, origin), origin).toBe(false)
  })

  it('is a redirect URI: of one path, or without a path of every page', () => {
    const any = clientOf({ local })
    const back = clientOf({ local: { ...local, redirect_uris: ['http://localhost:*/back?a=b'] } })
    expect(hasRedirectUri(back, 'http://localhost:5173/back?a=b')).toBe(true)
    for (const uri of ['http://localhost:5173/back', 'http://127.0.0.1:5173/back?a=b'])
      expect(hasRedirectUri(back, uri), uri).toBe(false)
    for (const uri of ['http://localhost:1', 'http://localhost/', 'http://127.0.0.1:5173/a/b?c=*'])
      expect(hasRedirectUri(any, uri), uri).toBe(true)
    for (const uri of [
      ...['http://localhost:1@evil.example/', 'http://localhost.evil.example:80/'],
      ...[
        'http://localhost:*',
        'http://localhost:*/',
        'http://localhost:1/#a',
        'https://localhost/',
      ],
      ...[
        'http://localhost:1\\@evil.example/',
        'http://localhost:99999/',
        'http://localhost:1//\\a',
      ],
      ...['http://localhost:1/\r\nx', 'http://user@localhost:1/', 'http://127.1:1/', '', '/'],
      ...[`http://localhost:1/${'x'.repeat(512)}`, 'http://localhost:1/a/../b'],
    ])
      expect(hasRedirectUri(any, uri), uri).toBe(false)
  })

  it('includes no text that a URL parser reads as another host (property)', () => {
    const client = clientOf({ local })
    const part = fc.constantFrom(
      ...[
        'http://',
        'https://',
        'localhost',
        '127.0.0.1',
        ':*',
        ':1',
        ':',
        '@',
        '/',
        '\\',
        '.',
        '#',
      ],
      ...['evil.example', '?', '%2f', ' ', '\t', '\n', '*', '[::1]', '\u3002'],
    )
    const text = fc.array(part, { minLength: 1, maxLength: 7 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, (given) => {
        const isRedirectUri = hasRedirectUri(client, given)
        if (!hasOrigin(client, given) && !isRedirectUri) return
        const { hostname, protocol, username, hash } = new URL(given)
        expect(['localhost', '127.0.0.1']).toContain(hostname)
        expect([protocol, username, hash]).toEqual(['http:', '', ''])
      }),
      { numRuns: 5000 },
    )
  })

  it('leaves an origin to the client that names it, in either mode', () => {
    const table = {
      demo: { origins: [LOCAL] },
      other: { origins: ['http://127.0.0.1:1'], redirect_uris: ['http://127.0.0.1:1/'] },
      local,
    }
    const client = clientOf(table)
    for (const origin of [LOCAL, 'http://127.0.0.1:1']) {
      expect(hasOrigin(client, origin), origin).toBe(false)
      expect(hasRedirectUri(client, `${origin}/`), origin).toBe(false)
    }
    expect(hasOrigin(clientOf(table, 'demo'), LOCAL)).toBe(true)
    expect(hasRedirectUri(clientOf(table, 'other'), 'http://127.0.0.1:1/')).toBe(true)
  })

  it('is one conflict only: the same wildcard in both modes', () => {
    expect(parse({ web: { origins: ANY }, local }).problems).toEqual([
      expect.stringMatching(/^CLIENTS\.local\.origins: another client of the other mode/),
    ])
  })

  it('covers an exact redirect URI on one of its ports', () => {
    const exact = 'http://localhost:5173/back'
    const client = clientOf({ local: { origins: ANY, redirect_uris: [exact] } })
    expect(hasRedirectUri(client, exact)).toBe(true)
    expect(hasRedirectUri(client, 'http://localhost:5174/back')).toBe(false)
    const { problems } = parse({ web: { origins: [LOCAL], redirect_uris: ANY } })
    expect(problems).toEqual([expect.stringMatching(/^CLIENTS\.web\.redirect_uris: one has/)])
  })

  it.each([
    'http://*:1',
    'http://localhost:*/',
    'https://localhost:*',
    'http://[::1]:*',
    'http://localhost:5*',
  ])('has no other form: %s', (origin) => {
    expect(parse({ web: { origins: [origin] } }).problems).toHaveLength(1)
  })
})

describe('a public broker', () => {
  const ISSUED = { issuer: 'https://id.example', audience: 'a', jwks_uri: 'https://id.example/k' }
  const oauth = { origins: ['https://app.example'], redirect_uris: ['https://app.example/'] }

  it.each([
    { origins: ['http://localhost:3000'] },
    { origins: ['https://localhost'] },
    { origins: ['http://localhost:*'] },
    { ...oauth, origins: [...oauth.origins, 'http://127.0.0.1:1'] },
    { ...oauth, redirect_uris: ['http://localhost:*/'] },
    { ...oauth, redirect_uris: ['http://[::1]:3000/'] },
    { ...oauth, ...ISSUED, issuer: 'http://localhost:1' },
    { ...oauth, ...ISSUED, jwks_uri: 'http://127.0.0.1:1/keys' },
  ])('has no address of this machine: %j (TMB-83)', (entry) => {
    const { problems } = parse({ web: entry }, PUBLIC)
    expect(problems.filter((text) => !text.includes('one has an origin'))).toEqual([
      expect.stringMatching(
        /^CLIENTS\.web\.\w+(\[\d\])?: is an address of this machine, .*BASE_URL.*\. Write .*\.$/,
      ),
    ])
    expect(parse({ web: oauth }, PUBLIC).problems).toEqual([])
  })

  it('has no issuer of this machine, and no simulated Google (TMB-83)', () => {
    const issuerOf = (BASE_URL: string): string =>
      readConfig({ ...env, BASE_URL, ISSUER: 'http://localhost:8788' }).config.issuer
    expect(issuerOf(LOCAL)).toBe('http://localhost:8788')
    expect(() => issuerOf(PUBLIC)).toThrow(
      expect.objectContaining({
        cause: [expect.stringMatching(/^ISSUER: is an address of this machine, .* Write .*\.$/)],
      }),
    )
  })
})
