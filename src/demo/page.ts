/** This file is how the demo page is served: at the one address where its cookies are. */

import { toDocument } from './document.ts'
import page from './page.html'
import { besideBroker } from './sites.ts'

/** What the Worker is told in development, besides its own configuration. */
export interface DemoEnv extends Env {
  ISSUER?: string
  /** Origin of the demo page on another site. */
  DEMO_ELSEWHERE?: string
}

/** Serves the page; on any other name of this machine it sends the browser to `BASE_URL`, where its cookies are. */
export function servePage(request: Request, env: DemoEnv): Response {
  const { origin } = new URL(env.BASE_URL)
  if (new URL(request.url).origin !== origin) return Response.redirect(`${origin}/`, 302)
  const { ISSUER = '', DEMO_ELSEWHERE = '' } = env
  const addresses = { broker: origin, elsewhere: DEMO_ELSEWHERE, issuer: ISSUER }
  const { html, headers } = toDocument(page, besideBroker(addresses))
  return new Response(html, { headers })
}
