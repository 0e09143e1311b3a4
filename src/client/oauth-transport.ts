/** OAuth mode: PKCE, and a refresh token that DPoP binds to a key in this browser. */

import type { OAuthTokenResponse } from '../protocol/http.ts'
import { BrokerError } from './broker-error.ts'
import { sha256 } from './bytes.ts'
import { openProofKey, type StoredSession } from './proven-fetch.ts'
import { openStore } from './store.ts'
import { requireToken, send, type Transport } from './transport.ts'

type Form = Record<string, string | number | undefined>

/** How often a code is sent again when the network is lost, every two seconds: it lives for a minute. */
const CODE_TRIES = 20

/** Talks to a broker on another site. */
export function createOAuthTransport(
  url: string,
  client_id: string,
  redirect_uri: string,
): Transport {
  const store = openStore<StoredSession>(`photos-token-broker ${url} ${client_id}`)
  const key = openProofKey(url, store)

  /** `JSON.stringify` drops members that are undefined. */
  const formOf = (form: Form, signal: AbortSignal) => ({
    method: 'POST',
    body: new URLSearchParams(JSON.parse(JSON.stringify({ client_id, ...form }))),
    signal,
    keepalive: true,
  })

  const post = async (
    form: Form,
    signal?: AbortSignal,
    lost_tries?: number,
  ): Promise<OAuthTokenResponse> =>
    requireToken(
      await send((signal) => key.fetch('/token', formOf(form, signal)), signal, lost_tries),
    )

  /** Replaces a refresh token, unless a new consent has stored another in the meantime. */
  const replaceToken = async (old: string, next?: string): Promise<void> => {
    if ((await store.get('refresh_token')) === old) await store.set('refresh_token', next)
  }

  const revoke = (token: string): Promise<unknown> =>
    send((signal) => fetch(`${url}/revoke`, formOf({ token }, signal)), undefined)

  return {
    async issue({ bundle, signal, ...more }) {
      const refresh_token = await store.get('refresh_token')
      if (!refresh_token) throw new BrokerError('login_required')
      try {
        const form = { grant_type: 'refresh_token', refresh_token, scope: bundle, ...more }
        const answer = await post(form, signal)
        await replaceToken(refresh_token, answer.refresh_token)
        return answer
      } catch (error) {
        if (!(error instanceof BrokerError) || error.code !== 'invalid_grant') throw error
        await replaceToken(refresh_token)
        throw new BrokerError('login_required')
      }
    },
    async call(method, path, json, signal, ownToken) {
      const token = await ownToken?.()
      const headers: HeadersInit = json ? { 'Content-Type': 'application/json' } : {}
      const body = json ? JSON.stringify(json) : null
      return send((signal) => key.fetch(path, { method, headers, body, signal }, token), signal)
    },
    async connectUrl({ bundle, state, choose, login_hint, code_verifier }) {
      const query = new URLSearchParams({
        client_id,
        redirect_uri,
        state,
        response_type: 'code',
        scope: bundle,
        code_challenge: await sha256(code_verifier),
        code_challenge_method: 'S256',
        dpop_jkt: await key.thumbprint(), // with it, the broker asks the user once for each key
        ...(choose && { prompt: 'select_account' }),
        ...(login_hint && { login_hint }),
      })
      return `${url}/authorize?${query}`
    },
    async finish({ code, iss }, { code_verifier }) {
      if (!code || iss !== url) throw new BrokerError('invalid_request')
      const old = await store.get('refresh_token')
      const form = { grant_type: 'authorization_code', code, code_verifier, redirect_uri }
      const { refresh_token } = await post(form, undefined, CODE_TRIES)
      await store.set('refresh_token', refresh_token)
      if (old) void revoke(old).catch(() => {}) // of another account; its own session is over already
    },
    async signOut() {
      const token = await store.get('refresh_token')
      await store.set('keys', undefined) // without the key the token is useless
      if (!token) return
      await revoke(token)
      await replaceToken(token)
    },
  }
}
