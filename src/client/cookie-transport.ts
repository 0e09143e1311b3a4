/** Cookie mode: the broker's own session cookie, on the same site as the broker. */

import { BrokerError } from './broker-error.ts'
import { type IssuedToken, requireToken, send, type Transport } from './transport.ts'

/** Talks to a broker on the same site. */
export function createCookieTransport(url: string, client: string | undefined): Transport {
  const call: Transport['call'] = (method, path, json, signal) =>
    send(
      (signal) =>
        fetch(url + path, {
          method,
          headers: {
            'X-Requested-With': 'photos-token-broker',
            ...(json && { 'Content-Type': 'application/json' }),
          },
          credentials: 'include',
          signal,
          body: json ? JSON.stringify(json) : null,
        }),
      signal,
    )

  return {
    call,
    async issue({ signal, ...request }) {
      return requireToken((await call('POST', '/session/token', request, signal)) as IssuedToken)
    },
    async connectUrl({ bundle, state, choose }) {
      const return_to = new URL(location.href)
      return_to.hash = ''
      return_to.searchParams.set('ptb', state)
      const query = new URLSearchParams({
        bundle,
        return_to: return_to.href,
        ...(client && { client }),
        ...(choose && { prompt: 'select_account' }),
      })
      return `${url}/connect?${query}`
    },
    async finish() {},
    async signOut(signal) {
      const answer = await call('DELETE', '/session', undefined, signal)
      if (answer !== undefined) throw new BrokerError('temporarily_unavailable') // something else answered
    },
  }
}
