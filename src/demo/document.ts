/** A demo page as HTTP answer: its values filled in, and a strict Content-Security-Policy. */

import type { Site } from './sites.ts'

/** A page and its headers. */
interface Document {
  html: string
  headers: Record<string, string>
}

/** Fills a page in. Only its own scripts run, and they can only connect to the origins of its site. */
export function toDocument(template: string, { values, origins }: Site): Document {
  const nonce = crypto.randomUUID()
  return { html: fill(template, { ...values, nonce }), headers: headersOf(nonce, origins) }
}

function headersOf(nonce: string, origins: readonly string[]): Record<string, string> {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    `connect-src ${origins.join(' ')}`,
    `img-src blob: data: ${origins.join(' ')}`,
    `media-src ${origins.join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
  ]
  return {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': policy.join('; '),
    'Content-Type': 'text/html; charset=utf-8',
    'Cross-Origin-Opener-Policy': 'same-origin-allow-popups', // Google’s pages open in popups
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  }
}

/** Replaces each `{{name}}` by its value. */
function fill(template: string, values: object): string {
  const known = new Map(Object.entries(values).map(([name, value]) => [name, escapeHtml(value)]))
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => known.get(name) ?? '')
}

function escapeHtml(value: unknown): string {
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
