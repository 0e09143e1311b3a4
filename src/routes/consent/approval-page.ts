/** The approval page: which app asks, where it lives, why, and what it can do then. It has no script. */

import { html } from 'hono/html'
import type { Bundle } from '../../config/bundles.ts'
import { describeScopes } from '../../scope/catalog.ts'
import type { BrokerContext } from '../http/context.ts'
import { page } from '../http/page.ts'

/** What the page shows, and where its two links lead. */
export interface Approval {
  /** How users know the app. */
  name: string
  /** The origin that the app lives on. */
  origin: string
  bundle: Bundle
  /** URL of *Continue*. */
  go_on: string
  /** URL of *Not now*. */
  refuse: string
}

/** Makes the page. */
export function approvalPage(
  c: BrokerContext,
  { name, origin, bundle, go_on, refuse }: Approval,
): Promise<Response> {
  const [initial = ''] = [...name]
  const body = html`<span class="mark" aria-hidden="true">${initial}</span>
    <h1><bdi>${name}</bdi> asks for access to your Google Photos</h1>
    <p class="origin">${origin}</p>
    <h2>Why it asks</h2>
    <p><bdi>${bundle.reason}</bdi></p>
    <h2>What it can do then</h2>
    <ul>${describeScopes(bundle.scopes).map((sentence) => html`<li>${sentence}</li>`)}</ul>
    <p class="note">Google asks you next. Tick the boxes there that the app needs.</p>
    <nav aria-label="Your answer">
      <a class="button" href="${go_on}">Continue</a>
      <a class="button plain" href="${refuse}">Not now</a>
    </nav>
    <p class="note">Is this not an app that you just used? Then choose <em>Not now</em>. Nothing has happened yet.</p>`
  return page(c, { status: 200, title: `${name} asks for access`, body })
}
