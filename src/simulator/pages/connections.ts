/** The page where users see which apps have access, and remove one: form fields `account` and `client_id`. */

import { Hono } from 'hono'
import { html } from 'hono/html'
import { removeApps } from '../control.ts'
import { readForm } from '../endpoints.ts'
import { describeScope } from '../google-scopes.ts'
import { consentedScopes } from '../oauth/consents.ts'
import { signOut } from '../oauth/signed-in.ts'
import { sendSecurityEvent } from '../security-events.ts'
import { appName, clientsOf, type Simulation } from '../simulation.ts'
import type { Account } from '../world.ts'
import { avatar, type Html, page } from './layout.ts'

/** Makes the routes of the connections page. */
export function connections(simulation: Simulation): Hono {
  const app = new Hono()
  app.get('/connections', (c) =>
    page(c, {
      title: 'Connections',
      body: html`<div class="card">
        <h1>Your connections to third-party apps</h1>
        <p class="soft">Removing an app ends all its access at once.</p>
        ${simulation.world.accounts.map((account) => connectionsOf(simulation, account))}
        <form class="actions" method="post" action="/connections/sign-out">
          <button>Sign out in this browser</button>
        </form>
      </div>`,
    }),
  )
  app.post('/connections/remove', async (c) => {
    const form = await readForm(c)
    const removed = removeApps(simulation, form.get('account') ?? '', form.get('client_id') ?? '')
    for (const event of removed) await sendSecurityEvent(simulation, event)
    return c.redirect('/connections', 303)
  })
  app.post('/connections/sign-out', (c) => {
    signOut(c)
    return c.redirect('/connections', 303)
  })
  return app
}

function connectionsOf(simulation: Simulation, account: Account): Html {
  const apps = simulation.world.consents
    .filter(({ sub }) => sub === account.sub)
    .flatMap(({ project }) => clientsOf(simulation, project).slice(0, 1))
    .map(({ client_id }) => ({
      client_id,
      name: appName(simulation, client_id),
      scopes: consentedScopes(simulation, client_id, account.sub),
    }))
    .filter(({ scopes }) => scopes.length > 0)
  return html`<section>
    <h2 class="user">${avatar(account)}<span>${account.name}<small class="soft">${account.email}</small></span></h2>
    ${apps.length === 0 ? html`<p class="soft">No app has access.</p>` : ''}
    <ul class="rows">${apps.map(
      ({ client_id, name, scopes }) => html`<li>
        <span class="grow"><strong>${name}</strong>
          ${scopes.map((scope) => html`<small class="soft">${describeScope(scope)}</small>`)}</span>
        <form method="post" action="/connections/remove">
          <input type="hidden" name="account" value="${account.sub}">
          <input type="hidden" name="client_id" value="${client_id}">
          <button aria-label="Remove ${name} from ${account.name}’s account">Remove</button>
        </form>
      </li>`,
    )}</ul>
  </section>`
}
