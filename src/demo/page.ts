/** This file is how the demo page is served: with the addresses of Google's APIs, and a strict policy. */

import { isLoopback } from '../urls.ts'
import page from './page.html'

/** The Google the page talks to; the simulator has both APIs and all pages below its issuer. */
interface Google {
  picker_api: string
  library_api: string
  /** Where a user sees which apps have access to their account. */
  connections: string
  is_simulator: boolean
}

const REAL_GOOGLE: Google = {
  picker_api: 'https://photospicker.googleapis.com',
  library_api: 'https://photoslibrary.googleapis.com',
  connections: 'https://myaccount.google.com/connections',
  is_simulator: false,
}

/** Serves the page; on any other name of this machine it sends the browser to `BASE_URL`, where its cookies are. */
export function servePage(request: Request, env: Env & { ISSUER?: string }): Response {
  const { origin } = new URL(env.BASE_URL)
  if (new URL(request.url).origin !== origin) return Response.redirect(`${origin}/`, 302)
  const issuer = URL.parse(env.ISSUER ?? '')
  const google = issuer && isLoopback(issuer) ? simulatorAt(issuer.origin) : REAL_GOOGLE
  const nonce = crypto.randomUUID()
  return new Response(fill(page, { ...google, nonce }), { headers: headersOf(google, nonce) })
}

function simulatorAt(issuer: string): Google {
  return {
    picker_api: `${issuer}/photospicker`,
    library_api: `${issuer}/photoslibrary`,
    connections: `${issuer}/connections`,
    is_simulator: true,
  }
}

/** Only the page's own script runs, and it reaches nobody but the broker and Google's two APIs. */
function headersOf({ picker_api, library_api }: Google, nonce: string): HeadersInit {
  const apis = new Set([picker_api, library_api].map((url) => new URL(url).origin))
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    `connect-src 'self' ${[...apis].join(' ')}`,
    'img-src blob: data:',
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
  ]
  return {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': policy.join('; '),
    'Content-Type': 'text/html; charset=utf-8',
    'Cross-Origin-Opener-Policy': 'same-origin-allow-popups', // the photo picker opens in a window
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  }
}

/** Puts values where the page says `{{name}}`. */
function fill(template: string, values: object): string {
  const known = new Map(Object.entries(values).map(([name, value]) => [name, escapeHtml(value)]))
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => known.get(name) ?? '')
}

function escapeHtml(value: unknown): string {
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
