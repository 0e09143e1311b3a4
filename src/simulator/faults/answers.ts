/** The answers of faults: other answers instead of the right one, and right ones that are changed. */

import { apiAnswer } from '../photos/answers.ts'
import type { Effects } from './vocabulary.ts'

const HTML =
  '<!doctype html><title>Sign in to the network</title><p>Accept the terms of this Wi-Fi.</p>'

/** Statuses of OAuth errors; any other is 400 (RFC 6749 §5.2). */
const ERROR_STATUS: Readonly<Record<string, number>> = {
  invalid_client: 401,
  deleted_client: 401,
  disabled_client: 401,
  unauthorized_client: 401,
  server_error: 500,
  temporarily_unavailable: 503,
}

/** Makes the answer that replaces the right one; `undefined` if the fault has none. */
export function replacementAnswer(effects: Effects): Response | undefined {
  const headers = new Headers(effects.headers)
  if (effects.retry_after !== undefined) headers.set('Retry-After', String(effects.retry_after))
  if (effects.api_error !== undefined) return apiAnswer(effects.api_error, { headers })
  if (effects.error !== undefined) {
    const { error, error_subtype, error_description } = effects
    const status = effects.status ?? ERROR_STATUS[error] ?? 400
    return Response.json({ error, error_subtype, error_description }, { status, headers })
  }
  if (effects.html) return typed(HTML, 'text/html; charset=utf-8', effects.status ?? 200, headers)
  if (effects.garbage)
    return typed('\u0000\u0007{{not json', 'application/json', effects.status ?? 200, headers)
  if (effects.big_body_bytes !== undefined) {
    const body = `{"padding":"${'x'.repeat(effects.big_body_bytes)}"}`
    return typed(body, 'application/json', effects.status ?? 200, headers)
  }
  if (effects.redirect !== undefined) {
    headers.set('Location', effects.redirect)
    return new Response(null, { status: effects.status ?? 302, headers })
  }
  if (effects.status !== undefined || effects.body !== undefined) {
    const { status = 200, body = { error: { code: status } } } = effects
    if (typeof body === 'string') return typed(body, 'text/plain; charset=utf-8', status, headers)
    const isBodiless = [204, 205, 304].includes(status)
    return isBodiless
      ? new Response(null, { status, headers })
      : Response.json(body, { status, headers })
  }
  return undefined
}

/** Changes the right answer as the fault says. */
export async function alterAnswer(effects: Effects, answer: Response): Promise<Response> {
  const { set, omit, truncate, lose_answer, headers: added } = effects
  if (lose_answer) return typed('Bad gateway', 'text/plain; charset=utf-8', 502, new Headers())
  if (set === undefined && omit === undefined && !truncate && added === undefined) return answer
  const headers = new Headers(answer.headers)
  for (const [name, value] of Object.entries(added ?? {})) headers.set(name, value)
  let body: Uint8Array = new Uint8Array(await answer.arrayBuffer())
  if (set !== undefined || omit !== undefined) {
    const changed = { ...JSON.parse(new TextDecoder().decode(body)), ...set }
    for (const name of omit ?? []) delete changed[name]
    body = new TextEncoder().encode(JSON.stringify(changed))
  }
  if (truncate) {
    body = body.slice(0, body.length / 2)
    headers.delete('Content-Length')
  }
  return new Response(body, { status: answer.status, headers })
}

function typed(body: string, type: string, status: number, headers: Headers): Response {
  headers.set('Content-Type', type)
  return new Response(body, { status, headers })
}
