/** The consent page: the scopes that an app asks for, with boxes where Google has them. */

import type { Context } from 'hono'
import { html } from 'hono/html'
import { describeScope, shortName } from '../google-scopes.ts'
import type { AuthorizationRequest } from '../oauth/authorization-request.ts'
import { boxes } from '../oauth/consent.ts'
import { appName, type Simulation } from '../simulation.ts'
import type { Account } from '../world.ts'
import { accountBadge, type Html, page } from './layout.ts'

/** The content of the page. */
interface Question {
  request: AuthorizationRequest
  account: Account
  asked: readonly string[]
  /** Scopes that the account consented to before. */
  known: readonly string[]
}

/** The choices for time-limited access. */
const DURATIONS: readonly (readonly [seconds: string, label: string])[] = [
  ['', 'until I remove it'],
  ['3600', '1 hour'],
  ['86400', '1 day'],
  ['604800', '7 days'],
]

/** Asks for consent. The boxes are unticked, as at Google, unless a setting says otherwise. */
export function consentPage(
  c: Context,
  simulation: Simulation,
  { request, account, asked, known }: Question,
): Response | Promise<Response> {
  const app = appName(simulation, request.client.client_id)
  const withBox = boxes(request, asked)
  const others = asked.filter((scope) => !withBox.includes(scope))
  return page(c, {
    title: `${app} wants access`,
    body: html`<form class="card" method="post" action="/o/oauth2/v2/auth/consent">
      ${accountBadge(account)}
      <h1>${app} wants access to your account</h1>
      <p class="soft">You will go back to <code>${new URL(request.redirect_uri).origin}</code></p>
      <input type="hidden" name="request" value="${request.query}">
      <input type="hidden" name="account" value="${account.sub}">
      ${others.length > 0 ? list(`This lets ${app}`, others) : ''}
      ${withBox.length > 0 ? fieldset(app, withBox, simulation.world.settings.boxes_ticked) : ''}
      ${known.length > 0 ? list(`${app} already has this`, known) : ''}
      <p><label>Access lasts
        <select name="lasts">${DURATIONS.map(
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
    <ul class="rows">${scopes.map((scope) => html`<li><span>${scopeLabel(scope)}</span></li>`)}</ul>`
}

function fieldset(app: string, scopes: readonly string[], isTicked: boolean): Html {
  return html`<fieldset>
    <legend><h2>Choose what ${app} can do</h2></legend>
    ${scopes.map(
      (scope) => html`<label class="row">
        <input type="checkbox" name="scope" value="${scope}"${isTicked ? ' checked' : ''}>
        <span>${scopeLabel(scope)}</span>
      </label>`,
    )}
  </fieldset>`
}

function scopeLabel(scope: string): Html {
  return html`${describeScope(scope)} <small class="soft">${shortName(scope)}</small>`
}
