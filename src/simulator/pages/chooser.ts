/** The page "Choose an account". */

import type { Context } from 'hono'
import { html } from 'hono/html'
import type { AuthorizationRequest } from '../oauth/authorization-request.ts'
import { appName, type Simulation } from '../simulation.ts'
import type { Account } from '../world.ts'
import { avatar, page } from './layout.ts'

/** Asks for the account; the one of `login_hint` is first. */
export function chooserPage(
  c: Context,
  simulation: Simulation,
  request: AuthorizationRequest,
): Response | Promise<Response> {
  const { login_hint: hint, hd, query, client } = request
  const isHinted = ({ sub, email }: Account): boolean => sub === hint || email === hint
  const offered = simulation.world.accounts
    .filter((account) => hd === undefined || account.hd === hd)
    .sort((a, b) => Number(isHinted(b)) - Number(isHinted(a)))
  return page(c, {
    title: 'Choose an account',
    body: html`<form class="card" method="post" action="/o/oauth2/v2/auth/account">
      <h1>Choose an account</h1>
      <p class="soft">to continue to ${appName(simulation, client.client_id)}</p>
      <input type="hidden" name="request" value="${query}">
      <fieldset>
        <legend class="soft"><small>Made-up users of this simulator</small></legend>
        ${offered.map(
          (account) =>
            html`<button class="account" name="account" value="${account.sub}">
              ${avatar(account)}
              <span class="grow">${account.name} <small class="soft">${account.email}</small></span>
            </button>`,
        )}
        ${offered.length === 0 ? html`<p>Nobody here has an account of ${hd}.</p>` : ''}
      </fieldset>
    </form>`,
  })
}
