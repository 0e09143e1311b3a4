/** This file is the page "Choose an account". */

import type { Context } from 'hono'
import { html } from 'hono/html'
import type { AuthorizationRequest } from '../oauth/authorization-request.ts'
import { nameOf, type Simulation } from '../simulation.ts'
import type { Account } from '../world.ts'
import { face, page } from './layout.ts'

/** Asks which account to go on with; the one that the app hinted at stands first. */
export function chooserPage(
  c: Context,
  simulation: Simulation,
  request: AuthorizationRequest,
): Response | Promise<Response> {
  const { login_hint: hint, hd, query, client } = request
  const isHinted = (one: Account): boolean => one.sub === hint || one.email === hint
  const offered = simulation.world.accounts
    .filter((one) => hd === undefined || one.hd === hd)
    .sort((one, other) => Number(isHinted(other)) - Number(isHinted(one)))
  return page(c, {
    title: 'Choose an account',
    body: html`<form class="card" method="post" action="/o/oauth2/v2/auth/account">
      <h1>Choose an account</h1>
      <p class="soft">to continue to ${nameOf(simulation, client.client_id)}</p>
      <input type="hidden" name="request" value="${query}">
      <fieldset>
        <legend class="soft"><small>People made up for this simulator</small></legend>
        ${offered.map(
          (account) =>
            html`<button class="account" name="account" value="${account.sub}">
              ${face(account)}
              <span class="grow">${account.name} <small class="soft">${account.email}</small></span>
            </button>`,
        )}
        ${offered.length === 0 ? html`<p>Nobody here has an account of ${hd}.</p>` : ''}
      </fieldset>
    </form>`,
  })
}
