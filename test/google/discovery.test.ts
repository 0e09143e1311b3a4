/** This file is the tests of what the broker takes from the provider's discovery document. */

import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { discover } from '../../src/google/discovery.ts'
import { scriptGoogle } from '../support/scripted-google.ts'
import { stage } from '../support/story.ts'

stage()

it.each([
  { algs: ['RS256', 'HS256', 'ES256', 'HS512'], taken: ['RS256', 'ES256'] },
  { algs: undefined, taken: ['RS256'] },
])(
  'of ID token algorithms $algs it takes $taken: none with a shared secret (TMB-25)',
  async ({ algs, taken }) => {
    scriptGoogle({ id_token_signing_alg_values_supported: algs })
    const { server } = await discover(readConfig({ ...env }).config)
    expect(server.id_token_signing_alg_values_supported).toEqual(taken)
  },
)
