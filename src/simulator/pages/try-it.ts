/** The buttons of the home page: each posts to a control endpoint what curl could post. */

import { html } from 'hono/html'
import type { Fault, FaultRequest } from '../faults/vocabulary.ts'
import { liveAccessTokens } from '../oauth/consents.ts'
import type { Simulation } from '../simulation.ts'
import type { Settings } from '../world.ts'
import type { Html } from './layout.ts'

const HOUR_SECONDS = 60 * 60
const DAY_SECONDS = 24 * HOUR_SECONDS

/** Faults worth a button, by what they concern. */
const FAULTS: Readonly<Record<string, readonly (readonly [label: string, fault: FaultRequest])[]>> =
  {
    'Tokens and sign-in': [
      [
        'The next refresh fails: the grant has ended',
        { at: 'token:refresh_token', do: { error: 'invalid_grant' } },
      ],
      [
        'The next refresh fails: Workspace wants a new sign-in',
        {
          at: 'token:refresh_token',
          do: { error: 'invalid_grant', error_subtype: 'invalid_rapt' },
        },
      ],
      [
        'Google is down for the next call for tokens',
        { at: 'token', do: { status: 503, retry_after: 30 } },
      ],
      ['The next call for tokens gets 429', { at: 'token', do: { status: 429, retry_after: 30 } }],
      ['The next answer with tokens is lost', { at: 'token', do: { lose_answer: true } }],
      ['The next call for tokens hangs', { at: 'token', do: { hang: true } }],
      [
        'The next ID token has a wrong signature',
        { at: 'token:authorization_code', do: { id_token: 'wrong_key' } },
      ],
      ['The next redirect has a wrong state', { at: 'authorize', do: { state: 'wrong' } }],
    ],
    'Photos APIs': [
      ['Google is down for the next API call', { at: 'api', do: { api_error: 'UNAVAILABLE' } }],
      [
        'The next API call gets 429',
        { at: 'api', do: { api_error: 'RESOURCE_EXHAUSTED', retry_after: 5 } },
      ],
      ['The next API call gets 401', { at: 'api', do: { api_error: 'UNAUTHENTICATED' } }],
      [
        'The API is not enabled in the project',
        { at: 'api', times: 'always', do: { api_error: 'SERVICE_DISABLED' } },
      ],
      [
        'The next user has no Google Photos account',
        { at: 'api:picker.sessions.create', do: { api_error: 'FAILED_PRECONDITION' } },
      ],
      ['The next upload fails', { at: 'api:library.uploads', do: { api_error: 'INTERNAL' } }],
      ['The next photo or film fails', { at: 'media', do: { status: 503 } }],
      ['Every API call takes 3 seconds', { at: 'api', times: 'always', do: { delay_ms: 3000 } }],
    ],
  }

/** Values of a setting that have a button. */
const CLOCK: Choices = [
  ['Now', { clock_ahead_seconds: 0 }],
  ['An hour ahead', { clock_ahead_seconds: HOUR_SECONDS }],
  ['A day ahead', { clock_ahead_seconds: DAY_SECONDS }],
  ['8 days ahead', { clock_ahead_seconds: 8 * DAY_SECONDS }],
]
const BOXES: Choices = [
  ['Unticked', { boxes_ticked: false }],
  ['Ticked', { boxes_ticked: true }],
]
const PUBLISHING: Choices = [
  ['In production', { publishing: 'production' }],
  ['Testing', { publishing: 'testing' }],
]

type Choices = readonly (readonly [label: string, change: Partial<Settings>])[]

/** Shows the state of the simulator, and the buttons that change it. */
export function tryIt(simulation: Simulation): Html {
  const { faults, settings } = simulation.world
  const live = liveAccessTokens(simulation).length
  return html`<section id="try">
    <h2>Access tokens</h2>
    <p>${live === 1 ? '1 access token is live' : `${live} access tokens are live`}. A token lasts for an hour,
      and is refreshed only when it is about to end. To see a refresh at once, end the tokens, and then let your app
      call an API: it gets 401, and has to refresh.</p>
    <form class="buttons" method="post" action="/__access_tokens/end">
      <button>End all access tokens now</button>
    </form>
    <h2>Faults</h2>
    ${queue(faults)}
    ${Object.entries(FAULTS).map(
      ([heading, buttons]) => html`<h3>${heading}</h3>
        <form class="buttons" aria-label="${heading}" method="post" action="/__faults">${buttons.map(
          ([label, fault]) =>
            html`<button name="json" value="${JSON.stringify(fault)}">${label}</button>`,
        )}</form>`,
    )}
    <h2>Settings</h2>
    ${choice('The clock by which tokens and grants end', CLOCK, settings)}
    ${choice('The boxes of the consent page, at first', BOXES, settings)}
    ${choice('Publishing status; in “Testing”, a grant ends after 7 days', PUBLISHING, settings)}
  </section>`
}

function queue(faults: readonly Fault[]): Html {
  if (faults.length === 0)
    return html`<p>No fault is waiting. A button adds one; the first call that it fits meets it.</p>`
  return html`<p>These faults wait for the calls that they fit:</p>
    <ol class="rows">${faults.map(
      ({ at, times, do: effects }) => html`<li><span><code>${at}</code>
        ${times === 1 ? 'once' : times === 'always' ? 'always' : `${times} times`}
        <small class="soft"><code>${JSON.stringify(effects)}</code></small></span></li>`,
    )}</ol>
    <form class="buttons" method="post" action="/__faults/clear">
      <button>Clear all faults</button>
    </form>`
}

function choice(heading: string, choices: Choices, settings: Settings): Html {
  const isSet = (change: Partial<Settings>): boolean =>
    Object.entries(change).every(([name, value]) => settings[name as keyof Settings] === value)
  return html`<h3>${heading}</h3>
    <form class="buttons" aria-label="${heading}" method="post" action="/__settings">${choices.map(
      ([label, change]) =>
        html`<button name="json" value="${JSON.stringify(change)}" aria-pressed="${String(isSet(change))}">${label}</button>`,
    )}</form>`
}
