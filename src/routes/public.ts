/** `GET /bundles` and `GET /healthz`, which need no credential. */

import { simulatedApis } from '../google/simulator.ts'
import type { BundlesResponse } from '../protocol/http.ts'
import { isStoreReachable } from '../subject/kv-records.ts'
import type { BrokerContext } from './http/context.ts'

/** Lists the bundles, with the reason and the API methods of each. */
export function listBundles(c: BrokerContext): Response {
  const config = c.get('config')
  const bundles = [...config.bundles.values()]
  const photos_apis = simulatedApis(config)
  const body: BundlesResponse = {
    bundles: bundles.map(({ name, scopes, reason, apis, methods }) => {
      return { name, scopes, reason, apis, methods }
    }),
    ...(photos_apis ? { photos_apis } : {}),
  }
  return c.json(body)
}

/** Reports whether the broker works: its configuration is valid, or the request would not get here, and KV answers. */
export async function healthz(c: BrokerContext): Promise<Response> {
  const isHealthy = await isStoreReachable(c.env.TOKENS)
  return c.json({ status: isHealthy ? 'ok' : 'error' }, isHealthy ? 200 : 503)
}
