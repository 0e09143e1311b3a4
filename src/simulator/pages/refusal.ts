/** The page that Google shows for an authorization request which is not valid. */

import type { Context } from 'hono'
import { html } from 'hono/html'
import type { Refusal } from '../oauth/authorization-request.ts'
import { page } from './layout.ts'

/** Shows the user what is wrong with a request; the app gets no answer. */
export function refusalPage(
  c: Context,
  { error, explanation }: Refusal,
): Response | Promise<Response> {
  return page(c, {
    title: 'Access blocked',
    status: 400,
    body: html`<div class="card">
      <h1>Access blocked: this request is not valid</h1>
      <p>${explanation}</p>
      <p class="soft">Error 400: <code>${error}</code></p>
    </div>`,
  })
}
