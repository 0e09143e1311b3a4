/** This file is the consent page: what an app asks for, in plain words, with a box for each where Google has one. */

import type { Context } from 'hono'
import { html } from 'hono/html'
import { describe, shortName } from '../google-scopes.ts'
import type { AuthorizationRequest } from '../oauth/authorization-request.ts'
import { boxes } from '../oauth/consent.ts'
import { nameOf, type Simulation } from '../simulation.ts'
import type { Account } from '../world.ts'
import { type Html, page, who } from './layout.ts'

/** What the page asks. */
interface Question {
  request: AuthorizationRequest
  account: Account
  asked: readonly string[]
  /** What the account has allowed before. */
  known: readonly string[]
}

/** Lives that time-limited access may have, in seconds. */
const LIVES: readonly (readonly [seconds: string, label: string])[] = [
  ['', 'until I remove it'],
  ['3600', '1 hour'],
  ['86400', '1 day'],
  ['604800', '7 days'],
]

/** Asks a person for consent. Google's boxes come unticked; here they are ticked, so that one press is enough. */
export function consentPage(
  c: Context,
  simulation: Simulation,
  { request, account, asked, known }: Question,
): Response | Promise<Response> {
  const app = nameOf(simulation, request.client.client_id)
  const withBox = boxes(asked)
  const others = asked.filter((scope) => !withBox.includes(scope))
  return page(c, {
    title: `${app} wants access`,
    body: html`<form class="card" method="post" action="/o/oauth2/v2/auth/consent">
      ${who(account)}
      <h1>${app} wants access to your account</h1>
      <p class="soft">You will go back to <code>${new URL(request.redirect_uri).origin}</code></p>
      <input type="hidden" name="request" value="${request.query}">
      <input type="hidden" name="account" value="${account.sub}">
      ${others.length > 0 ? list(`This lets ${app}`, others) : ''}
      ${withBox.length > 0 ? fieldset(app, withBox) : ''}
      ${known.length > 0 ? list(`${app} already has this`, known) : ''}
      <p><label>Access lasts
        <select name="lasts">${LIVES.map(
          ([seconds, label]) => html`<option value="${seconds}">${label}</option>`,
        )}</select></label></p>
      <div class="actions">
        <button name="action" value="Continue" class="main">Continue</button>
        <button name="action" value="Cancel">Cancel</button>
      </div>
    </form>`,
  })
}

function list(heading: string, scopes: readonly string[]): Html {
  return html`<h2>${heading}</h2>
    <ul class="rows">${scopes.map((scope) => html`<li><span>${wording(scope)}</span></li>`)}</ul>`
}

function fieldset(app: string, scopes: readonly string[]): Html {
  return html`<fieldset>
    <legend><h2>Choose what ${app} can do</h2></legend>
    ${scopes.map(
      (scope) => html`<label class="row">
        <input type="checkbox" name="scope" value="${scope}" checked>
        <span>${wording(scope)}</span>
      </label>`,
    )}
  </fieldset>`
}

function wording(scope: string): Html {
  return html`${describe(scope)} <small class="soft">${shortName(scope)}</small>`
}
