/** Tests of the simulator as a Worker: its stored state and its configuration. */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { readClients } from '../../src/simulator/clients.ts'
import { createStorage } from '../../src/simulator/storage.ts'
import { connect, google, refresh } from './app.ts'

it('keeps its state and large uploads over a restart', async () => {
  await runInDurableObject(env.SUBJECTS.getByName('restart'), async (_, state) => {
    const storage = createStorage(state.storage)
    const before = google({ world: storage.loadWorld(), bytes: storage })
    const { refresh_token = '' } = await connect(before)
    storage.saveWorld(before.world)
    const large = new Uint8Array(3_000_000).map((_byte, index) => index % 251)
    storage.put('large', large)

    const after = google({ world: createStorage(state.storage).loadWorld() })
    expect(after.world).toEqual(before.world)
    expect((await refresh(after, refresh_token)).scope).toContain('photospicker')
    expect(createStorage(state.storage).get('large')).toEqual(large)
  })
})

it('gives a setting that it did not store its default', async () => {
  await runInDurableObject(env.SUBJECTS.getByName('settings'), async (_, state) => {
    const stored = new TextEncoder().encode('{"publishing":"testing"}')
    createStorage(state.storage).put('world/settings', stored)
    const { settings } = createStorage(state.storage).loadWorld()
    expect(settings).toMatchObject({ publishing: 'testing', boxes_ticked: false })
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
