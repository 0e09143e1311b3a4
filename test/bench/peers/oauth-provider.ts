/** `@cloudflare/workers-oauth-provider` with its most similar work: it checks its own access token, with one KV read and a decryption, and answers the upstream token of its props. */

import { type OAuthHelpers, OAuthProvider } from '@cloudflare/workers-oauth-provider'

interface PeerEnv {
  BASE_URL: string
  OAUTH_KV: KVNamespace
  OAUTH_PROVIDER: OAuthHelpers
  ACCESS_TOKEN: string
  EXPIRES_IN: string
  SCOPE: string
  /** A line to log. */
  LINE?: string
}

const REDIRECT_URI = 'https://app.example/back'

const apiHandler: ExportedHandler<PeerEnv> = {
  fetch(_request, { EXPIRES_IN, LINE, SCOPE }, ctx) {
    if (LINE !== undefined) console.info(LINE)
    return Response.json({
      access_token: (ctx as unknown as { props: { access_token: string } }).props.access_token,
      token_type: 'Bearer',
      expires_in: Number(EXPIRES_IN),
      scope: SCOPE,
      bundle: 'pick',
    })
  },
}

/** A user who consents at once, and the client that exchanges the code; used once, before the load. */
const defaultHandler: ExportedHandler<PeerEnv> = {
  async fetch(request, env) {
    const url = new URL(request.url)
    if (url.pathname === '/client') {
      const { clientId, clientSecret } = await env.OAUTH_PROVIDER.createClient({
        redirectUris: [REDIRECT_URI],
      })
      return Response.json({ client_id: clientId, client_secret: clientSecret })
    }
    const parsed = await env.OAUTH_PROVIDER.parseAuthRequest(request)
    const { redirectTo } = await env.OAUTH_PROVIDER.completeAuthorization({
      request: parsed,
      userId: 'ada',
      metadata: {},
      scope: parsed.scope,
      props: { access_token: env.ACCESS_TOKEN },
    })
    return Response.json({ code: new URL(redirectTo).searchParams.get('code') })
  },
}

let provider: OAuthProvider<PeerEnv> | undefined

export default {
  fetch(request, env, ctx) {
    provider ??= new OAuthProvider<PeerEnv>({
      apiRoute: '/token-of-google',
      apiHandler: apiHandler as never,
      defaultHandler: defaultHandler as never,
      authorizeEndpoint: '/authorize',
      tokenEndpoint: '/token',
      resourceMetadata: { resource: `${env.BASE_URL}/token-of-google` },
    })
    return provider.fetch(request, env, ctx)
  },
} satisfies ExportedHandler<PeerEnv>
