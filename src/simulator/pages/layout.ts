/** The frame of every page, and how accounts are shown. */

import type { Context } from 'hono'
import { html } from 'hono/html'
import type { Account } from '../world.ts'

/** A piece of escaped HTML. */
export type Html = ReturnType<typeof html>

/** Answers with a page. */
export function page(
  c: Context,
  { title, body, status = 200, wide = false }: PageParts,
): Response | Promise<Response> {
  c.header(
    'Content-Security-Policy',
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; base-uri 'none'; frame-ancestors 'none'",
  )
  c.header('Cache-Control', 'no-store')
  c.header('Referrer-Policy', 'no-referrer')
  return c.html(
    html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title} · Simulator</title>
    <link rel="stylesheet" href="/style.css">
    <link rel="icon" href="data:,">
  </head>
  <body>
    <main class="${wide ? 'wide' : ''}">${body}</main>
    <footer>Simulator: not Google. These users are not real.</footer>
  </body>
</html>`,
    status as 200,
  )
}

interface PageParts {
  title: string
  body: Html
  status?: number
  wide?: boolean
}

/** Shows the initial of a user on a colour. */
export function avatar({ name, sub }: Account): Html {
  const hue = Number(sub.slice(-4)) % 12
  return html`<span class="face hue-${hue}" aria-hidden="true">${name.slice(0, 1)}</span>`
}

/** Shows the account of a page. */
export function accountBadge(account: Account): Html {
  return html`<p class="who">${avatar(account)}<span>${account.email}</span></p>`
}
