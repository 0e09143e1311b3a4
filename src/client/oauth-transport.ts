/** OAuth mode: PKCE, and a refresh token that DPoP binds to a key in this browser. */

import type { OAuthTokenResponse } from '../protocol/http.ts'
import { BrokerError } from './broker-error.ts'
import { takePkce } from './pkce.ts'
import { openProofKey, type StoredSession } from './proven-fetch.ts'
import { openStore } from './store.ts'
import { send, type Transport } from './transport.ts'

type Form = Record<string, string | number | undefined>

/** Talks to a broker on another site. */
export function createOAuthTransport(
  url: string,
  client_id: string,
  redirect_uri: string,
): Transport {
  const store = openStore<StoredSession>(`photos-token-broker ${url} ${client_id}`)
  const key = openProofKey(url, store)

  /** Known ahead, because a popup must open during the click. With it, the broker asks the user once for each key. */
  let dpop_jkt: string | undefined
  const prepare = (): Promise<void> =>
    key.thumbprint().then(
      (thumbprint) => {
        dpop_jkt = thumbprint
      },
      () => {},
    )
  void prepare()

  /** `JSON.stringify` drops members that are undefined. */
  const formOf = (form: Form, signal: AbortSignal | undefined) => ({
    method: 'POST',
    body: new URLSearchParams(JSON.parse(JSON.stringify({ client_id, ...form }))),
    signal: signal ?? null,
    keepalive: true,
  })

  const post = async (form: Form, signal: AbortSignal | undefined): Promise<OAuthTokenResponse> => {
    const init = formOf(form, signal)
    const response = await send(() => key.fetch('/token', init), signal)
    return response.json()
  }

  /** Replaces a refresh token, unless a new consent has stored another in the meantime. */
  const replaceToken = async (old: string, next?: string): Promise<void> => {
    if ((await store.get('refresh_token')) === old) await store.set('refresh_token', next)
  }

  const refresh = async (
    scope: string,
    more: Form,
    signal: AbortSignal | undefined,
  ): Promise<OAuthTokenResponse> => {
    const refresh_token = await store.get('refresh_token')
    if (!refresh_token) throw new BrokerError('login_required')
    try {
      const form = { grant_type: 'refresh_token', refresh_token, scope, ...more }
      const answer = await post(form, signal)
      await replaceToken(refresh_token, answer.refresh_token)
      return answer
    } catch (error) {
      if (!(error instanceof BrokerError) || error.code !== 'invalid_grant') throw error
      await replaceToken(refresh_token)
      throw new BrokerError('login_required')
    }
  }

  return {
    forget() {
      dpop_jkt = undefined
    },
    issue: ({ bundle, signal, ...more }) => refresh(bundle, more, signal),
    async call(method, path, json, signal, ownToken) {
      const token = await ownToken?.()
      const headers: HeadersInit = json ? { 'Content-Type': 'application/json' } : {}
      const body = json ? JSON.stringify(json) : null
      const init = { method, headers, body, signal: signal ?? null }
      return send(() => key.fetch(path, init, token), signal)
    },
    connectUrl(bundle, state, choose) {
      const { code_verifier, code_challenge } = takePkce()
      sessionStorage[verifierName(state)] = code_verifier
      const query = new URLSearchParams({
        client_id,
        redirect_uri,
        state,
        response_type: 'code',
        scope: bundle,
        code_challenge,
        code_challenge_method: 'S256',
        ...(choose && { prompt: 'select_account' }),
        ...(dpop_jkt && { dpop_jkt }),
      })
      return `${url}/authorize?${query}`
    },
    async finish({ code, state, iss }) {
      const name = verifierName(state)
      const code_verifier = sessionStorage[name] ?? ''
      delete sessionStorage[name]
      if (!code || iss !== url) throw new BrokerError('invalid_request')
      const form = { grant_type: 'authorization_code', code, code_verifier, redirect_uri }
      await store.set('refresh_token', (await post(form, undefined)).refresh_token)
    },
    async signOut(signal) {
      const token = await store.get('refresh_token')
      await store.set('keys', undefined) // without the key the token is useless
      void prepare()
      if (!token) return
      await send(() => fetch(`${url}/revoke`, formOf({ token }, signal)), signal)
      await replaceToken(token)
    },
  }
}

/** Storage name of a code verifier. Without the prefix `p.` or `r.`, since a blocked popup changes it. */
function verifierName(state = ''): string {
  return `ptb ${state.slice(2)}`
}
