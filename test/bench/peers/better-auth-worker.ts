/** This file is `better-auth` in workerd, over its own memory adapter: no storage at all to wait for. */

import { memoryAdapter } from 'better-auth/adapters/memory'
import { createPeer, type Peer } from './better-auth.ts'

interface PeerEnv {
  BASE_URL: string
  SECRET: string
  ACCESS_TOKEN: string
}

let peer: Peer | undefined

export default {
  async fetch(request, env) {
    peer ??= createPeer(memoryAdapter({ user: [], session: [], account: [], verification: [] }), {
      baseURL: env.BASE_URL,
      secret: env.SECRET,
      access_token: env.ACCESS_TOKEN,
    })
    if (new URL(request.url).pathname === '/__plant') return Response.json(await peer.plant())
    return peer.handler(request)
  },
} satisfies ExportedHandler<PeerEnv>
