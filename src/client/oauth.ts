/** This file is the SDK on any other site: OAuth with PKCE, its refresh token bound by DPoP to a key in this browser. */

import type { OAuthTokenResponse } from '../protocol.ts'
import { createProvenFetch, type Kept } from './dpop.ts'
import { BrokerError } from './errors.ts'
import { takePkce } from './pkce.ts'
import { openStore } from './store.ts'
import { send, type Way } from './way.ts'

/** The broker's own token is asked for anew so long before it ends. */
const MARGIN_MS = 60_000

/** Talks to a broker on another site. */
export function createOAuthWay(url: string, client_id: string, redirect_uri: string): Way {
  const store = openStore<Kept>(`photos-token-broker ${url} ${client_id}`)
  const provenFetch = createProvenFetch(url, store)
  let own: { access_token: string; ends_at: number } | undefined

  const formOf = (form: Record<string, string>, signal: AbortSignal | undefined) => ({
    method: 'POST',
    body: new URLSearchParams({ client_id, ...form }),
    signal: signal ?? null,
    keepalive: true,
  })

  const post = async (
    form: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<OAuthTokenResponse> => {
    const init = formOf(form, signal)
    const response = await send(() => provenFetch('/token', init), signal)
    const answer: OAuthTokenResponse = await response.json()
    await store.set('refresh_token', answer.refresh_token)
    return answer
  }

  const refresh = async (
    scope: string,
    more: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<OAuthTokenResponse> => {
    const refresh_token = await store.get('refresh_token')
    if (!refresh_token) throw new BrokerError('login_required')
    try {
      return await post({ grant_type: 'refresh_token', refresh_token, scope, ...more }, signal)
    } catch (error) {
      if (!(error instanceof BrokerError) || error.code !== 'invalid_grant') throw error
      if ((await store.get('refresh_token')) === refresh_token)
        await store.set('refresh_token', undefined)
      throw new BrokerError('login_required')
    }
  }

  /** A token for the broker's own calls. */
  const ownToken = async (signal: AbortSignal | undefined): Promise<string> => {
    if (!own || own.ends_at < Date.now() + MARGIN_MS) {
      const { access_token, expires_in } = await refresh('broker', {}, signal)
      own = { access_token, ends_at: Date.now() + expires_in * 1000 }
    }
    return own.access_token
  }

  return {
    async issue({ bundle, min_ttl, rejected, signal }) {
      const more = {
        ...(min_ttl !== undefined && { min_ttl: String(min_ttl) }),
        ...(rejected !== undefined && { rejected }),
      }
      return refresh(bundle, more, signal)
    },
    async call(method, path, json, signal) {
      const token = await ownToken(signal)
      const headers: HeadersInit = json ? { 'Content-Type': 'application/json' } : {}
      const body = json ? JSON.stringify(json) : null
      const init = { method, headers, body, signal: signal ?? null }
      return send(() => provenFetch(path, init, token), signal)
    },
    connectUrl(bundle, state, choose) {
      const { code_verifier, code_challenge } = takePkce()
      sessionStorage[nameOf(state)] = code_verifier
      const query = new URLSearchParams({
        client_id,
        redirect_uri,
        state,
        response_type: 'code',
        scope: bundle,
        code_challenge,
        code_challenge_method: 'S256',
        ...(choose && { prompt: 'select_account' }),
      })
      return `${url}/authorize?${query}`
    },
    async finish({ code, state, iss }) {
      const name = nameOf(state)
      const code_verifier = sessionStorage[name] ?? ''
      delete sessionStorage[name]
      if (!code || iss !== url) throw new BrokerError('invalid_request')
      own = undefined
      await post({ grant_type: 'authorization_code', code, code_verifier, redirect_uri }, undefined)
    },
    async signOut(signal) {
      own = undefined
      const token = await store.get('refresh_token')
      await store.set('refresh_token', undefined)
      await store.set('keys', undefined)
      if (!token) return
      await send(() => fetch(`${url}/revoke`, formOf({ token }, signal)), signal)
    },
  }
}

/** Where a code verifier waits; a consent begun for a popup may have to go on without one. */
function nameOf(state = ''): string {
  return `ptb ${state.slice(2)}`
}
