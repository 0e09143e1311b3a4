/** `better-auth` in workerd with its memory adapter: encrypted tokens, one user with a Google account, and `POST /api/auth/get-access-token`. */

import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { setTokenUtil } from 'better-auth/oauth2'

interface PeerEnv {
  BASE_URL: string
  SECRET: string
  ACCESS_TOKEN: string
}

type Peer = ReturnType<typeof createPeer>

const LIFE_MS = 60 * 60 * 1000

let peer: Peer | undefined

export default {
  async fetch(request, env) {
    peer ??= createPeer(env)
    if (new URL(request.url).pathname === '/__plant') return Response.json(await plant(peer, env))
    return peer.handler(request)
  },
} satisfies ExportedHandler<PeerEnv>

function createPeer({ BASE_URL, SECRET }: PeerEnv) {
  return betterAuth({
    baseURL: BASE_URL,
    secret: SECRET,
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    account: { encryptOAuthTokens: true },
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    socialProviders: { google: { clientId: 'bench-client', clientSecret: 'bench-secret' } },
    telemetry: { enabled: false },
  })
}

/** Makes the user, its Google account and a session. @returns the cookie and body for the load */
async function plant(auth: Peer, env: PeerEnv): Promise<{ cookie: string; body: string }> {
  const signedUp = await auth.handler(
    new Request(`${env.BASE_URL}/api/auth/sign-up/email`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Origin: env.BASE_URL },
      body: JSON.stringify({ name: 'Ada', email: 'ada@example.com', password: 'for-this-bench' }),
    }),
  )
  if (!signedUp.ok) throw new Error(`sign-up was answered with ${signedUp.status}`)
  const { user } = (await signedUp.json()) as { user: { id: string } }
  const context = await auth.$context
  const account = await context.internalAdapter.createAccount({
    userId: user.id,
    providerId: 'google',
    accountId: '110248495921238986420',
    accessToken: await setTokenUtil(env.ACCESS_TOKEN, context),
    refreshToken: await setTokenUtil('refresh-of-the-bench', context),
    accessTokenExpiresAt: new Date(Date.now() + LIFE_MS),
    scope: 'https://www.googleapis.com/auth/photospicker.mediaitems.readonly',
  })
  const cookie = signedUp.headers.getSetCookie().map((line) => line.split(';')[0])
  return { cookie: cookie.join('; '), body: JSON.stringify({ accountId: account.id }) }
}
