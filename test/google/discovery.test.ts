/** Tests of Google's discovery document: what is taken from it, and what a slow or wrong one does. */

import { env } from 'cloudflare:workers'
import { beforeEach, expect, it } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { BrokerError } from '../../src/errors.ts'
import { discover } from '../../src/google/discovery.ts'
import { refresh } from '../../src/google/token-endpoint.ts'
import { scopeSet } from '../../src/scope/scopes.ts'
import { the } from '../support/broker.ts'
import { createHold } from '../support/hold.ts'
import { intercept } from '../support/internet.ts'
import { scriptGoogle } from '../support/scripted-google.ts'
import { later, stage } from '../support/story.ts'

stage()
beforeEach(() => void scriptGoogle())

it.each([
  { algs: ['RS256', 'HS256', 'ES256', 'HS512', 'none'], accepted: ['RS256', 'ES256'] },
  { algs: undefined, accepted: ['RS256'] },
  { algs: [], accepted: ['RS256'] },
])(
  'accepts the ID token algorithms $accepted where discovery names $algs (TMB-25)',
  async ({ algs, accepted }) => {
    scriptGoogle({ id_token_signing_alg_values_supported: algs })
    const { server } = await discover(readConfig({ ...env }).config)
    expect(server.id_token_signing_alg_values_supported).toEqual(accepted)
  },
)

it('a fetch of discovery that never ends delays others by seconds only', async () => {
  const hold = createHold()
  intercept(async (request, next) => {
    if (hold.calls() === 0) await hold.pass()
    return next(request)
  })
  const { config } = readConfig({ ...env })
  const lost = discover(config)
  await hold.arrived()
  const other = discover(config)
  later(4)
  expect((await other).server.issuer).toBe(config.issuer)
  hold.release()
  await lost
})

it.each([400, 401, 403])(
  '%i with invalid_grant as the answer to discovery ends no grant (TMB-22)',
  async (status) => {
    const headers = { 'WWW-Authenticate': 'Basic' }
    intercept(() => Response.json({ error: 'invalid_grant' }, { status, headers }))
    const { config } = readConfig({ ...env })
    const grant = { refresh_token: 'r', scope: the.pick, sub: 's' }
    const result = await refresh(config, grant, scopeSet([the.pick])).catch((error) => error)
    expect(result).toBeInstanceOf(BrokerError)
    expect((result as BrokerError).failure.code).toBe('temporarily_unavailable')
  },
)
