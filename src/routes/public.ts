/** This file is what anybody may ask: `GET /bundles` and `GET /healthz`. */

import type { BundlesResponse } from '../protocol/http.ts'
import { isStoreReachable } from '../subject/kv-records.ts'
import type { BrokerContext } from './http/context.ts'

/** Says which bundles there are, why the app asks for them, and what each allows. */
export function listBundles(c: BrokerContext): Response {
  const bundles = [...c.get('config').bundles.values()]
  const body: BundlesResponse = {
    bundles: bundles.map(({ name, scopes, reason, apis, methods }) => ({
      name,
      scopes,
      reason,
      apis,
      methods,
    })),
  }
  return c.json(body)
}

/** Says whether the broker can work: the configuration was read to get here, and KV answers. */
export async function healthz(c: BrokerContext): Promise<Response> {
  const isHealthy = await isStoreReachable(c.env.TOKENS)
  return c.json({ status: isHealthy ? 'ok' : 'error' }, isHealthy ? 200 : 503)
}
