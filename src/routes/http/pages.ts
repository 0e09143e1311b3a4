/** The pages that users see besides the approval page: an error, the end of a popup, and what runs here. */

import { html, raw } from 'hono/html'
import { describe, type Failure, type Reason } from '../../errors.ts'
import type { ErrorCode } from '../../protocol/http.ts'
import type { BrokerContext } from './context.ts'
import { keepOpener } from './headers.ts'
import { page } from './page.ts'

/** What a user is told, where the sentence of the reason is for them. */
const FOR_USERS: readonly Reason[] = [
  'approval_of_other_browser',
  'approval_unknown',
  'consent_finished',
  'cookie_missing',
  'prefetch',
  'state_unknown',
  'state_used',
]

/** What a user is told about a code otherwise, before the sentence for the app's developer. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  invalid_request:
    'The app sent you here with a link that is not right. Its developer can mend it.',
  access_denied: 'The app asked for something that it is not allowed to use.',
  slow_down: 'There were too many requests. Wait a minute, then go back to the app and try again.',
  temporarily_unavailable:
    'This does not work right now. Nothing was lost. Go back to the app and try again in a moment.',
}

/** Shows an error to a user. */
export function errorPage(c: BrokerContext, status: number, failure: Failure): Promise<Response> {
  const { code, reason, back } = failure
  const sentence = describe(failure)
  const isForUsers = FOR_USERS.includes(reason)
  const title = reason === 'consent_finished' ? 'Done already' : 'Something did not work'
  const advice = ADVICE[code] ?? 'Something went wrong. Go back to the app and try again.'
  const body = html`<h1>${title}</h1>
    <p>${isForUsers ? sentence : advice}</p>
    ${isForUsers ? '' : html`<p class="note">${sentence}</p>`}
    ${back === undefined ? '' : html`<nav><a class="button" href="${back}">Go back to the app</a></nav>`}
    <p><small>Error <code>${code}</code> (${reason}), request ${c.get('request_id')}</small></p>`
  return page(c, { status, title, body })
}

/** The result that a popup posts to its opener. */
export interface PopupMessage {
  message: object
  /** The origin of the opener. */
  origin: string
  is_connected: boolean
  /** The URL to load if the popup has lost its opener, which a policy of a page on the way can cause. */
  fallback?: string
}

/** Posts the result to the opener and closes the popup. */
export function popupPage(
  c: BrokerContext,
  { message, origin, is_connected, fallback }: PopupMessage,
): Promise<Response> {
  const data = JSON.stringify({ message, origin, fallback }).replaceAll('<', '\\u003c')
  const nonce = crypto.randomUUID()
  keepOpener(c)
  const body = html`<h1>${is_connected ? 'Connected' : 'Not connected'}</h1>
    <p>You can close this window and go back to the app.</p>
    <script type="application/json" id="result">${raw(data)}</script>
    <script nonce="${nonce}">
      const { message, origin, fallback } = JSON.parse(document.getElementById('result').textContent)
      if (opener) opener.postMessage(message, origin)
      if (opener || !fallback) close()
      else location.replace(fallback)
    </script>`
  return page(c, { status: 200, title: 'Done', body, nonce })
}

/** Where the documentation is. */
const DOCUMENTATION = 'https://www.npmjs.com/package/photos-token-broker'

/** `GET /`: tells a person what runs here. The page is shown only while the configuration is right. */
export function homePage(c: BrokerContext): Promise<Response> {
  const { base_url, bundles } = c.get('config')
  const body = html`<h1>photos-token-broker</h1>
    <p>This server lets web apps use Google Photos. It keeps what Google gave it encrypted, and hands short-lived access
      to the apps that its operator has registered.</p>
    <p>Its configuration is right.</p>
    <h2>What apps can ask for here</h2>
    <ul>${[...bundles.values()].map(({ name, reason }) => html`<li><code>${name}</code>: ${reason}</li>`)}</ul>
    <h2>For developers</h2>
    <ul>
      <li><a href="${DOCUMENTATION}">Documentation</a></li>
      <li><a href="${base_url}/bundles">Bundles, with their scopes</a></li>
      <li><a href="${base_url}/.well-known/oauth-authorization-server">Metadata for OAuth libraries</a></li>
    </ul>`
  return page(c, { status: 200, title: 'photos-token-broker', body })
}
