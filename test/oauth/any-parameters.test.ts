/** Property tests of the parameters of OAuth mode: any value is read as it was sent, or refused. */

import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { BrokerError } from '../../src/errors.ts'
import { readAuthorizationRequest } from '../../src/routes/consent/authorization-request.ts'
import { findOAuthClient } from '../../src/routes/guards/lookup.ts'
import { readParameters } from '../../src/routes/http/read-request.ts'
import { gallery, OAUTH_CLIENTS } from '../support/frontend.ts'

const { config } = readConfig({ ...env, CLIENTS: OAUTH_CLIENTS })
const client = findOAuthClient(config, gallery.id)

const HASH = 'h'.repeat(43)
const GOOD = {
  response_type: 'code',
  redirect_uri: gallery.redirect_uri,
  scope: 'pick',
  state: 's',
  code_challenge: HASH,
  code_challenge_method: 'S256',
}
const OTHERS = ['response_mode', 'dpop_jkt', 'prompt', 'login_hint', 'request', 'x', '__proto__']
const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    ...['', '\0', '\ud800', '__proto__', 'constructor', 'x'.repeat(9999), 'y'.repeat(300), HASH],
    ...['code', 'query', 'web_message', 'consent', 'select_account', 'none', 'S256', 'plain'],
    ...[
      'pick',
      'upload',
      'pick upload',
      'broker',
      gallery.redirect_uri,
      `${gallery.redirect_uri}/`,
    ],
  ),
)
const parameters = fc
  .dictionary(fc.constantFrom(...Object.keys(GOOD), ...OTHERS), value, { maxKeys: 3 })
  .map((odd) => new URLSearchParams({ ...GOOD, ...odd }).toString())

/** What is read, or the code of a BrokerError. */
function outcomeOf<T>(read: () => T): T | string {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    return error.failure.code
  }
}

it('any text yields parameters and a list of the repeated ones (property; RFC 6749 §3.1)', () => {
  const name = fc.constantFrom('a', 'b', 'state', '__proto__', '', '%61', '\ud800')
  const pairs = fc
    .array(fc.tuple(name, fc.constantFrom('1', '', '\0', '&', '=')), { maxLength: 6 })
    .map((pairs) => new URLSearchParams(pairs).toString())
  fc.assert(
    fc.property(fc.oneof(pairs, fc.string({ unit: 'binary' }), fc.webQueryParameters()), (text) => {
      const search = new URLSearchParams(text)
      const { parameters, repeated } = readParameters(text)
      for (const name of new Set(search.keys())) {
        const values = search.getAll(name)
        expect(repeated.has(name)).toBe(values.length > 1)
        const isGiven = values.length === 1 && values[0] !== ''
        expect(parameters.get(name)).toBe(isGiven ? values[0] : undefined)
      }
      for (const name of [...parameters.keys(), ...repeated]) expect(search.has(name)).toBe(true)
    }),
    { numRuns: 500 },
  )
})

it('any authorization request is read as it was sent, or refused (property; TMB-06, TMB-07)', () => {
  const seen = { read: 0, refused: 0 }
  fc.assert(
    fc.property(parameters, (text) => {
      const { parameters } = readParameters(text)
      const outcome = outcomeOf(() => readAuthorizationRequest(config, client, parameters))
      seen[typeof outcome === 'string' ? 'refused' : 'read']++
      if (typeof outcome === 'string') {
        expect(outcome).toMatch(
          /^(invalid_request|invalid_scope|unsupported_response_type|access_denied|interaction_required)$/,
        )
        return
      }
      const { client: id, bundle, redirect_uri, code_challenge, state = '', dpop_jkt } = outcome
      expect([id, redirect_uri]).toEqual([gallery.id, gallery.redirect_uri])
      expect(client.bundles.has(bundle)).toBe(true)
      expect(parameters.get('scope')?.split(' ')).toContain(bundle)
      expect(state).toBe(parameters.get('state') ?? '')
      expect(state).toMatch(/^[\x20-\x7e]{0,512}$/)
      expect(code_challenge).toMatch(/^[\w-]{43}$/)
      expect(dpop_jkt ?? HASH).toMatch(/^[\w-]{43}$/)
      expect(JSON.stringify(outcome).length).toBeLessThan(2500) // it has to fit into a cookie
    }),
    { numRuns: 2000 },
  )
  expect(seen.read).toBeGreaterThan(100)
  expect(seen.refused).toBeGreaterThan(500)
})
