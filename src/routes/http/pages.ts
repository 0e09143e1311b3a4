/** The pages that users see: an error, a confirmation, the end of a popup. */

import { html, raw } from 'hono/html'
import type { ErrorCode } from '../../protocol/http.ts'
import type { BrokerContext } from './context.ts'
import { keepOpener } from './headers.ts'

const STYLE = `
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; box-sizing: border-box }
  main { max-width: 32rem }
  h1 { font-size: 1.4rem; line-height: 1.25 }
  a { display: inline-block; padding: .6rem 1.1rem; border-radius: .4rem; background: #1f5fbf; color: #fff; text-decoration: none }
  a:focus-visible { outline: 3px solid; outline-offset: 2px }
  small { opacity: .75 }
`

/** What a user can do about an error. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  invalid_request:
    'This link is incomplete, was already used, or is older than ten minutes. Go back to the app and try again.',
  access_denied: 'The app asked for something that it is not allowed to use.',
  slow_down: 'There were too many requests. Wait a minute, then go back to the app and try again.',
  temporarily_unavailable:
    'Google could not be reached. Nothing was lost. Go back to the app and try again in a moment.',
}

/** Shows an error to a user. */
export function errorPage(c: BrokerContext, status: number, code: ErrorCode): Promise<Response> {
  const advice = ADVICE[code] ?? 'Something went wrong. Go back to the app and try again.'
  const body = html`<h1>Something did not work</h1>
    <p>${advice}</p>
    <p><small>Error <code>${code}</code>, request ${c.get('request_id')}</small></p>`
  return page(c, status, 'Something did not work', body)
}

/**
 * Asks a user whom another site sent here to confirm the way to Google (TMB-09).
 *
 * @param href where the link to continue leads
 */
export function confirmationPage(
  c: BrokerContext,
  { app, reason, href }: { app: string; reason: string; href: string },
): Promise<Response> {
  const body = html`<h1>Connect Google Photos to ${app}?</h1>
    <p>Why the app asks: ${reason}.</p>
    <p><a href="${href}">Continue to Google</a></p>
    <p><small>If you did not want this, close this page. Nothing has happened yet.</small></p>`
  return page(c, 200, 'Connect Google Photos?', body)
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
  return page(c, 200, 'Done', body, nonce)
}

/** @param nonce allows the one inline script that has it */
async function page(
  c: BrokerContext,
  status: number,
  title: string,
  body: ReturnType<typeof html>,
  nonce?: string,
): Promise<Response> {
  const style = crypto.randomUUID()
  const script = nonce === undefined ? '' : `script-src 'nonce-${nonce}'; `
  c.header(
    'Content-Security-Policy',
    `default-src 'none'; ${script}style-src 'nonce-${style}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
  )
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>${title}</title>
        <style nonce="${style}">${raw(STYLE)}</style>
      </head>
      <body><main>${body}</main></body>
    </html>`
  return c.html(document, status as 200)
}
