/** This file is `better-auth` as both of its sides run it: tokens encrypted, one user with a Google account, and `POST /api/auth/get-access-token` as the hand-out. */

import { type BetterAuthOptions, betterAuth } from 'better-auth'
import { setTokenUtil } from 'better-auth/oauth2'

/** What has to be known to begin. */
export interface Planting {
  baseURL: string
  secret: string
  access_token: string
}

/** An instance and the way to its one user. */
export interface Peer {
  handler(request: Request): Promise<Response>
  /** Makes the user, its Google account and a session. @returns what the load has to send */
  plant(): Promise<{ cookie: string; body: string }>
}

const EMAIL = 'ada@example.com'
const PASSWORD = 'only-for-this-bench'
const LIFE_MS = 60 * 60 * 1000

/** Makes an instance over a database. */
export function createPeer(
  database: NonNullable<BetterAuthOptions['database']>,
  { baseURL, secret, access_token }: Planting,
): Peer {
  const options: BetterAuthOptions = {
    baseURL,
    secret,
    database,
    account: { encryptOAuthTokens: true },
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    socialProviders: { google: { clientId: 'bench-client', clientSecret: 'bench-secret' } },
    telemetry: { enabled: false },
  }
  const auth = betterAuth(options)
  return {
    handler: (request) => auth.handler(request),
    async plant() {
      const signedUp = await auth.handler(
        new Request(`${baseURL}/api/auth/sign-up/email`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', Origin: baseURL },
          body: JSON.stringify({ name: 'Ada', email: EMAIL, password: PASSWORD }),
        }),
      )
      if (!signedUp.ok) throw new Error(`sign-up was answered with ${signedUp.status}`)
      const { user } = (await signedUp.json()) as { user: { id: string } }
      const context = await auth.$context
      const account = await context.internalAdapter.createAccount({
        userId: user.id,
        providerId: 'google',
        accountId: '110248495921238986420',
        accessToken: await setTokenUtil(access_token, context),
        refreshToken: await setTokenUtil('refresh-of-the-bench', context),
        accessTokenExpiresAt: new Date(Date.now() + LIFE_MS),
        scope: 'https://www.googleapis.com/auth/photospicker.mediaitems.readonly',
      })
      const cookie = signedUp.headers.getSetCookie().map((line) => line.split(';')[0])
      return { cookie: cookie.join('; '), body: JSON.stringify({ accountId: account.id }) }
    },
  }
}
