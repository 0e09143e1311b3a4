/** The frame of all pages of the broker: one style, a strict policy, no script but the one that is allowed by its nonce. */

import { html, raw } from 'hono/html'
import type { BrokerContext } from './context.ts'

const STYLE = `
  :root {
    color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif;
    --page: #f3f5f9; --card: #fff; --text: #1b1f27; --quiet: #555d6b; --line: #d9dee7; --accent: #1f5fbf; --on-accent: #fff;
  }
  @media (prefers-color-scheme: dark) {
    :root { --page: #14171c; --card: #1e232b; --text: #e8ebf0; --quiet: #a5aebd; --line: #343b47; --accent: #8ab4f8; --on-accent: #10151d }
  }
  * { box-sizing: border-box }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--page); color: var(--text) }
  main { width: 100%; max-width: 30rem; padding: clamp(1.25rem, 5vw, 2rem); background: var(--card); border: 1px solid var(--line); border-radius: 1rem; overflow-wrap: anywhere }
  main > :first-child { margin-top: 0 }
  main > :last-child { margin-bottom: 0 }
  h1 { margin: 0 0 .25rem; font-size: 1.4rem; line-height: 1.25 }
  h2 { margin: 1.25rem 0 .25rem; font-size: .85rem; color: var(--quiet); font-weight: 600 }
  p { margin: .25rem 0 .75rem }
  ul { margin: .25rem 0 .75rem; padding-left: 1.2rem }
  nav { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.5rem 0 1rem }
  a { color: var(--accent) }
  .button { flex: 1 1 8rem; padding: .7rem 1.1rem; border: 1px solid var(--accent); border-radius: .5rem; background: var(--accent); color: var(--on-accent); font-weight: 600; text-align: center; text-decoration: none; animation: ready .5s }
  .plain { background: none; color: var(--accent) }
  a:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px }
  .mark { display: grid; place-items: center; width: 3rem; height: 3rem; margin-bottom: 1rem; border-radius: 50%; background: var(--accent); color: var(--on-accent); font-size: 1.4rem; font-weight: 600; text-transform: uppercase }
  .origin, .note, small { color: var(--quiet) }
  .note, small { font-size: .875rem }
  @keyframes ready { 0%, 99% { pointer-events: none } }
`

/** A page. */
export interface Page {
  status: number
  title: string
  body: ReturnType<typeof html>
  /** Allows the one inline script that has it. */
  nonce?: string
}

/**
 * Makes a page. Its buttons take no pointer for half a second, so that the second of two quick clicks on another page
 * presses none.
 */
export async function page(
  c: BrokerContext,
  { status, title, body, nonce }: Page,
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
        <meta name="robots" content="noindex">
        <title>${title}</title>
        <style nonce="${style}">${raw(STYLE)}</style>
      </head>
      <body><main>${body}</main></body>
    </html>`
  return c.html(document, status as 200)
}
