/** This file is the front page: what this is, and how to make it misbehave. */

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

/** Explains the simulator to whoever opens its origin. */
export function homePage(
  c: Context,
  { origin, clients }: Simulation,
): Response | Promise<Response> {
  return page(c, {
    title: 'Google on your laptop',
    wide: true,
    body: html`<div class="card">
      <h1>Google on your laptop</h1>
      <p>This stands in for Google while you develop: sign-in and consent, tokens, and enough of the
        Photos Picker and Library APIs to use a token. It checks what Google checks, and nothing leaves
        this machine.</p>
      <ul class="rows">
        <li><span><a href="/connections">Connections</a> <small class="soft">Which apps have access; remove one to see what your app does then</small></span></li>
        <li><span><a href="/.well-known/openid-configuration">Discovery</a> <small class="soft">Every endpoint of sign-in</small></span></li>
        <li><span><a href="/__log">Log</a> <small class="soft">Calls received; <code>DELETE</code> clears it</small></span></li>
        <li><span><a href="/__events">Events</a> <small class="soft">What apps were told of their users’ accounts; <code>POST</code> tells more</small></span></li>
        <li><span><a href="/__faults">Faults</a> <small class="soft">What goes wrong next; <code>DELETE</code> clears it</small></span></li>
        <li><span><a href="/__settings">Settings</a> <small class="soft"><code>POST</code> changes them: <code>{"publishing":"testing"}</code> ends grants after 7 days, <code>{"clock_ahead_seconds":604800}</code> makes it a week later</small></span></li>
      </ul>
      <h2>Make it misbehave</h2>
      ${EXAMPLES.map(
        ([what, fault]) => html`<p>${what}:</p>
          <pre>curl ${origin}/__faults --json '${JSON.stringify(fault)}'</pre>`,
      )}
      <h2>Where the APIs are</h2>
      <p><code>${origin}/photospicker/v1</code> stands for <code>photospicker.googleapis.com/v1</code>,
        <code>${origin}/photoslibrary/v1</code> for <code>photoslibrary.googleapis.com/v1</code>.</p>
      <h2>Apps it knows</h2>
      <ul class="rows">${clients.map(
        ({ client_id, name = client_id, redirect_uris }) => html`<li><span><strong>${name}</strong>
          <small class="soft"><code>${client_id}</code> goes back to <code>${redirect_uris.join(', ')}</code></small></span></li>`,
      )}</ul>
    </div>`,
  })
}
