/** This file is `better-auth` in a Node process of its own, over SQLite: its usual place. Says on the first line of its output what the load has to send. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import { createPeer } from './better-auth.ts'

const { BENCH_DATABASE = ':memory:', BENCH_SECRET = '', BENCH_ACCESS_TOKEN = '' } = process.env

const server = createServer()
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const database = new DatabaseSync(BENCH_DATABASE)
await (await getMigrations({ database, emailAndPassword: { enabled: true } })).runMigrations()
const peer = createPeer(database, {
  baseURL,
  secret: BENCH_SECRET,
  access_token: BENCH_ACCESS_TOKEN,
})
const answer = toNodeHandler(peer)
server.on('request', (request, response) => void answer(request, response))
process.stdout.write(`${JSON.stringify({ url: baseURL, ...(await peer.plant()) })}\n`)
