/** The front page: what the simulator is, and how to add faults. */

import type { Context } from 'hono'
import { html } from 'hono/html'
import type { Simulation } from '../simulation.ts'
import { page } from './layout.ts'

const EXAMPLES = [
  ['The next refresh fails', { at: 'token:refresh_token', do: { error: 'invalid_grant' } }],
  ['Google is overloaded', { at: 'token', times: 3, do: { status: 503, retry_after: 30 } }],
  ['Answers get lost', { at: 'token', do: { lose_answer: true } }],
  ['Every API call is slow', { at: 'api', times: 'always', do: { delay_ms: 3000 } }],
] as const

/** Explains the simulator. */
export function homePage(
  c: Context,
  { origin, clients }: Simulation,
): Response | Promise<Response> {
  return page(c, {
    title: 'Google on your machine',
    wide: true,
    body: html`<div class="card">
      <h1>Google on your machine</h1>
      <p>This stands in for Google while you develop: sign-in and consent, tokens, and enough of the
        Photos Picker and Library APIs to use a token. It checks what Google checks, and nothing leaves
        this machine.</p>
      <ul class="rows">
        <li><span><a href="/connections">Connections</a> <small class="soft">Which apps have access. Remove one to test your app</small></span></li>
        <li><span><a href="/.well-known/openid-configuration">Discovery</a> <small class="soft">The endpoints of sign-in</small></span></li>
        <li><span><a href="/__log">Log</a> <small class="soft">The calls received. <code>DELETE</code> clears it</small></span></li>
        <li><span><a href="/__events">Events</a> <small class="soft">The security events sent to apps. <code>POST</code> sends one</small></span></li>
        <li><span><a href="/__faults">Faults</a> <small class="soft">The faults that apply to the next calls. <code>DELETE</code> clears them</small></span></li>
        <li><span><a href="/__settings">Settings</a> <small class="soft"><code>POST</code> changes them: <code>{"publishing":"testing"}</code> ends grants after 7 days, <code>{"clock_ahead_seconds":604800}</code> sets the clock a week ahead</small></span></li>
      </ul>
      <h2>Add a fault</h2>
      ${EXAMPLES.map(
        ([what, fault]) => html`<p>${what}:</p>
          <pre>curl ${origin}/__faults --json '${JSON.stringify(fault)}'</pre>`,
      )}
      <h2>The APIs</h2>
      <p><code>${origin}/photospicker/v1</code> stands for <code>photospicker.googleapis.com/v1</code>,
        <code>${origin}/photoslibrary/v1</code> for <code>photoslibrary.googleapis.com/v1</code>.</p>
      <h2>OAuth clients</h2>
      <ul class="rows">${clients.map(
        ({ client_id, name = client_id, redirect_uris }) => html`<li><span><strong>${name}</strong>
          <small class="soft"><code>${client_id}</code>, redirect URIs <code>${redirect_uris.join(', ')}</code></small></span></li>`,
      )}</ul>
    </div>`,
  })
}
