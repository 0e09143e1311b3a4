/** This file is what every page has around it, and the people on them. */

import type { Context } from 'hono'
import { html } from 'hono/html'
import type { Account } from '../world.ts'

/** A piece of HTML, escaped where it has to be. */
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
    <footer>Simulator: not Google. Nobody here is real.</footer>
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

/** Shows a person's initial on a colour of their own. */
export function face({ name, sub }: Account): Html {
  const hue = Number(sub.slice(-4)) % 12
  return html`<span class="face hue-${hue}" aria-hidden="true">${name.slice(0, 1)}</span>`
}

/** Shows which account a page is about. */
export function who(account: Account): Html {
  return html`<p class="who">${face(account)}<span>${account.email}</span></p>`
}
