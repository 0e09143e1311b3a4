/** A port for a server that has to be given one. */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** Finds a port on which nobody listens now. */
export async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}
