/** The demo page on the broker's site, served at `BASE_URL` only. */

import { toDocument } from './document.ts'
import page from './page.html'
import { onBrokerSite } from './sites.ts'

/** Variables of the Worker in development, besides those of the broker. */
export interface DemoEnv extends Env {
  ISSUER?: string
  /** Origin of the demo page on another site. */
  DEMO_ELSEWHERE?: string
}

/** Serves the page, or redirects to `BASE_URL`, the only origin where its cookies work. */
export function servePage(request: Request, env: DemoEnv): Response {
  const { origin } = new URL(env.BASE_URL)
  if (new URL(request.url).origin !== origin) return Response.redirect(`${origin}/`, 302)
  const { ISSUER = '', DEMO_ELSEWHERE = '' } = env
  const addresses = { broker: origin, elsewhere: DEMO_ELSEWHERE, issuer: ISSUER }
  const { html, headers } = toDocument(page, onBrokerSite(addresses))
  return new Response(html, { headers })
}
