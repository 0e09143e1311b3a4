/** This file is the tests of the simulator as a Worker: what it remembers over a restart, and how it is set up. */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { readClients } from '../../src/simulator/clients.ts'
import { type Bindings, Google } from '../../src/simulator/index.ts'
import { createStorage } from '../../src/simulator/storage.ts'
import { connect, google, refresh } from './app.ts'

/** Any object will do: what is tested is its storage. */
async function inObject<Value>(
  name: string,
  test: (state: DurableObjectState) => Promise<Value>,
): Promise<Value> {
  return runInDurableObject(env.SUBJECTS.getByName(name), (_, state) => test(state))
}

describe('the World', () => {
  it('is there after a restart, tokens and all', async () => {
    await inObject('restart', async (state) => {
      const storage = createStorage(state.storage)
      const before = google({ world: storage.loadWorld(), bytes: storage })
      const { refresh_token = '' } = await connect(before)
      storage.saveWorld(before.world)

      const after = google({ world: createStorage(state.storage).loadWorld() })
      expect(after.world).toEqual(before.world)
      expect((await refresh(after, refresh_token)).scope).toContain('photospicker')
    })
  })

  it('keeps bytes larger than a row', async () => {
    await inObject('bytes', async (state) => {
      const storage = createStorage(state.storage)
      const bytes = crypto.getRandomValues(new Uint8Array(65536))
      const large = new Uint8Array(3_000_000).map((_, index) => bytes[index % 65536] ?? 0)
      storage.put('a', large)
      storage.put('b', new Uint8Array())
      expect(createStorage(state.storage).get('a')).toEqual(large)
      expect(storage.get('b')).toEqual(new Uint8Array())
      storage.delete('a')
      expect(storage.get('a')).toBeUndefined()
    })
  })
})

describe('the Worker', () => {
  it('is Google, at the origin it is told', async () => {
    await inObject('google', async (state) => {
      const bindings = { SIMULATOR_URL: 'http://localhost:9999' } as Bindings
      const worker = new Google(state, bindings)
      const response = await worker.fetch(
        new Request('http://localhost:9999/.well-known/openid-configuration'),
      )
      expect(await response.json()).toMatchObject({ issuer: 'http://localhost:9999' })
      expect(createStorage(state.storage).loadWorld().log).toMatchObject([{ at: 'discovery' }])
    })
  })

  it('reads its clients, as a list or as JSON', () => {
    const clients = [{ client_id: 'a', client_secret: 'b', redirect_uris: ['https://c.example/d'] }]
    expect(readClients(clients)).toEqual(clients)
    expect(readClients(JSON.stringify(clients))).toEqual(clients)
    expect(readClients(undefined)).toMatchObject([{ client_id: 'simulator-client' }])
    expect(() => readClients('nonsense')).toThrow('CLIENTS')
    expect(() => readClients([{ client_id: 'a' }])).toThrow('CLIENTS')
  })
})
