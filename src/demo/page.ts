/** This file is how the demo page is served: at the one address where its cookies are. */

import { toDocument } from './document.ts'
import { apiOrigins, googleOf } from './google.ts'
import page from './page.html'

/** Serves the page; on any other name of this machine it sends the browser to `BASE_URL`, where its cookies are. */
export function servePage(request: Request, env: Env & { ISSUER?: string }): Response {
  const { origin } = new URL(env.BASE_URL)
  if (new URL(request.url).origin !== origin) return Response.redirect(`${origin}/`, 302)
  const google = googleOf(env.ISSUER ?? '')
  const { html, headers } = toDocument(page, google, ["'self'", ...apiOrigins(google)])
  return new Response(html, { headers })
}
