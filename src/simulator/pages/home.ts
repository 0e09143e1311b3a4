/** The front page: what the simulator is, and the buttons that change how it behaves. */

import type { Context } from 'hono'
import { html } from 'hono/html'
import type { Simulation } from '../simulation.ts'
import { page } from './layout.ts'
import { tryIt } from './try-it.ts'

const EXAMPLE = { at: 'token:refresh_token', times: 3, do: { error: 'invalid_grant' } }

/** Explains the simulator. */
export function homePage(c: Context, simulation: Simulation): Response | Promise<Response> {
  const { origin, clients } = simulation
  return page(c, {
    title: 'Google on your machine',
    wide: true,
    body: html`<div class="card">
      <h1>Google on your machine</h1>
      <p>This stands in for Google while you develop: sign-in and consent, tokens, and enough of the
        Photos Picker and Library APIs to use a token. It checks what Google checks, and nothing leaves
        this machine.</p>
      ${tryIt(simulation)}
      <h2>More</h2>
      <ul class="rows">
        <li><span><a href="/connections">Connections</a> <small class="soft">Which apps have access. Remove one to test your app</small></span></li>
        <li><span><a href="/.well-known/openid-configuration">Discovery</a> <small class="soft">The endpoints of sign-in</small></span></li>
        <li><span><a href="/__log">Log</a> <small class="soft">The calls received. <code>DELETE</code> clears it</small></span></li>
        <li><span><a href="/__events">Events</a> <small class="soft">The security events sent to apps. <code>POST</code> sends one</small></span></li>
        <li><span><a href="/__faults">Faults</a> <small class="soft">The faults that wait. <code>POST</code> adds one, <code>DELETE</code> clears them</small></span></li>
        <li><span><a href="/__settings">Settings</a> <small class="soft"><code>POST</code> changes them</small></span></li>
      </ul>
      <p>A command can do what a button does, for example make the next three refreshes fail:</p>
      <pre>curl ${origin}/__faults --json '${JSON.stringify(EXAMPLE)}'</pre>
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
