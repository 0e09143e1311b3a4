/** The requests of a page: in cookie mode, and in OAuth mode with a new DPoP proof for each. */

import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { LoadRequest, Target } from './load.ts'

/** The bundle of all requests. */
export const BUNDLE = 'pick'
/** Its only scope. */
export const SCOPE = 'https://www.googleapis.com/auth/photospicker.mediaitems.readonly'

/** An access token as long as those of Google. */
export const ACCESS_TOKEN: string = `ya29.${'bench-token-'.repeat(18)}`.slice(0, 220)

/** Lifetime of a new access token, in seconds. */
export const LIFE_SECONDS = 3599

/** The token response in cookie mode; all sides answer these bytes. */
export const ANSWER: string = JSON.stringify({
  access_token: ACCESS_TOKEN,
  token_type: 'Bearer',
  expires_in: LIFE_SECONDS,
  scope: SCOPE,
  bundle: BUNDLE,
})

const [HEAD = '', TAIL = ''] = ANSWER.split(String(LIFE_SECONDS))

/** Whether a body is that answer, with any `expires_in`. */
export function isAnswer(body: string): boolean {
  const left = body.slice(HEAD.length, -TAIL.length)
  return body.startsWith(HEAD) && body.endsWith(TAIL) && /^\d{1,4}$/.test(left)
}

/** Makes the token request of a page in cookie mode. */
export function cookieRequest(url: string, cookie: string, bundle: string = BUNDLE): LoadRequest {
  return {
    method: 'POST',
    path: '/session/token',
    headers: {
      'Content-Type': 'application/json',
      Cookie: cookie,
      Origin: url,
      'Sec-Fetch-Dest': 'empty',
      'Sec-Fetch-Mode': 'cors',
      'Sec-Fetch-Site': 'same-origin',
      'X-Requested-With': 'photos-token-broker',
    },
    body: JSON.stringify({ bundle }),
  }
}

/** Makes a target of token requests in cookie mode, of these sessions in turn. */
export function cookieTarget(
  name: string,
  { url, pid }: { url: string; pid: number },
  cookies: readonly string[],
): Target {
  const requests = cookies.map((cookie) => cookieRequest(url, cookie))
  const from = (connection: number): LoadRequest[] => {
    const at = (connection * 7) % requests.length // so that connections begin at different sessions
    return [...requests.slice(at), ...requests.slice(0, at)]
  }
  return { name, url, pid, requests: async (connection) => from(connection), isExpected: isAnswer }
}

/** A page in OAuth mode. */
export interface Frontend {
  /** Thumbprint of its DPoP key. */
  jkt: string
  target(name: string, side: { url: string; pid: number }, refresh_token: string): Target
}

/** The client of OAuth mode, and the origin of its page. */
export const GALLERY = { id: 'gallery', origin: 'https://gallery.example' } as const

/** Makes a page in OAuth mode, with a key of its own. */
export async function openFrontend(): Promise<Frontend> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(publicKey)
  const prove = (url: string, nonce?: string): Promise<string> =>
    new SignJWT({
      ...{ jti: crypto.randomUUID(), htm: 'POST', htu: `${url}/token` },
      ...(nonce === undefined ? {} : { nonce }),
    })
      .setIssuedAt()
      .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
      .sign(privateKey)
  return {
    jkt: await calculateJwkThumbprint(jwk),
    target(name, { url, pid }, refresh_token) {
      const body = new URLSearchParams({
        ...{ grant_type: 'refresh_token', client_id: GALLERY.id },
        ...{ refresh_token, scope: BUNDLE },
      }).toString()
      const headers = {
        'Content-Type': 'application/x-www-form-urlencoded',
        Origin: GALLERY.origin,
      }
      const requestWith = (DPoP: string): LoadRequest => ({
        ...{ method: 'POST', path: '/token', body },
        headers: { ...headers, DPoP },
      })
      let nonce = ''
      const requests = async (connection: number, count: number): Promise<LoadRequest[]> => {
        // A page has the nonce of its last answer; an old one costs the broker a decryption.
        if (connection === 0) nonce = await nonceOf(url, requestWith(await prove(url)))
        const made: LoadRequest[] = []
        for (let request = 0; request < count; request++)
          made.push(requestWith(await prove(url, nonce)))
        return made
      }
      return { name, url, pid, requests, isExpected: (text) => isOAuthAnswer(text, refresh_token) }
    },
  }
}

const OAUTH_TAIL = `,"scope":"${BUNDLE}","google_scope":"${SCOPE}"`

function isOAuthAnswer(body: string, refresh_token: string): boolean {
  const tail = `${OAUTH_TAIL},"refresh_token":"${refresh_token}"}`
  const left = body.slice(HEAD.length, -tail.length)
  return body.startsWith(HEAD) && body.endsWith(tail) && /^\d{1,4}$/.test(left)
}

/** Gets a nonce: a request without one is refused, and the answer has one. */
async function nonceOf(url: string, { headers, body, path }: LoadRequest): Promise<string> {
  const response = await fetch(url + path, { method: 'POST', headers, body: body ?? null })
  const nonce = response.headers.get('DPoP-Nonce')
  if (response.status !== 400 || nonce === null)
    throw new Error(`no nonce, but ${response.status}: ${await response.text()}`)
  return nonce
}
