/** This file is how a demo page leaves its server: with its values filled in, and under a strict policy. */

import type { Site } from './sites.ts'

/** A page that is ready to be sent. */
interface Document {
  html: string
  headers: Record<string, string>
}

/** Fills a page in. Only its own scripts run, and they reach nobody but those of its site. */
export function toDocument(template: string, { values, reached }: Site): Document {
  const nonce = crypto.randomUUID()
  return { html: fill(template, { ...values, nonce }), headers: headersOf(nonce, reached) }
}

function headersOf(nonce: string, reached: readonly string[]): Record<string, string> {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    `connect-src ${reached.join(' ')}`,
    `img-src blob: data: ${reached.join(' ')}`,
    `media-src ${reached.join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
  ]
  return {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': policy.join('; '),
    'Content-Type': 'text/html; charset=utf-8',
    'Cross-Origin-Opener-Policy': 'same-origin-allow-popups', // Google’s pages open in windows
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
