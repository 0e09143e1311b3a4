/** This file is who asks in a run: a page in cookie mode, a page in OAuth mode with a fresh proof for every request. */

import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Shot, Target } from './load.ts'

/** The bundle that is asked for, with its one scope. */
export const BUNDLE = 'pick'
export const SCOPE = 'https://www.googleapis.com/auth/photospicker.mediaitems.readonly'

/** As long as those of Google. */
export const ACCESS_TOKEN: string = `ya29.${'bench-token-'.repeat(18)}`.slice(0, 220)

/** How long a token lives that was just issued, in seconds. */
export const LIFE_SECONDS = 3599

/** The answer of a hand-out in cookie mode; all sides answer these bytes. */
export const ANSWER: string = JSON.stringify({
  access_token: ACCESS_TOKEN,
  token_type: 'Bearer',
  expires_in: LIFE_SECONDS,
  scope: SCOPE,
  bundle: BUNDLE,
})

const [HEAD = '', TAIL = ''] = ANSWER.split(String(LIFE_SECONDS))

/** Whether a body is that answer, with any life left. */
export function isAnswer(body: string): boolean {
  const left = body.slice(HEAD.length, -TAIL.length)
  return body.startsWith(HEAD) && body.endsWith(TAIL) && /^\d{1,4}$/.test(left)
}

/** The request of a page in cookie mode. */
export function cookieShot(url: string, cookie: string, bundle: string = BUNDLE): Shot {
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

/** Hand-outs in cookie mode, to these sessions in turn. */
export function cookieTarget(
  name: string,
  { url, pid }: { url: string; pid: number },
  cookies: readonly string[],
): Target {
  const shots = cookies.map((cookie) => cookieShot(url, cookie))
  const from = (connection: number): Shot[] => {
    const at = (connection * 7) % shots.length // connections do not march in step
    return [...shots.slice(at), ...shots.slice(0, at)]
  }
  return { name, url, pid, shots: async (connection) => from(connection), isRight: isAnswer }
}

/** A page in OAuth mode: its key, and its requests. */
export interface Frontend {
  jkt: string
  target(name: string, side: { url: string; pid: number }, refresh_token: string): Target
}

/** The client of the OAuth mode, and where its page is. */
export const GALLERY = { id: 'gallery', origin: 'https://gallery.example' } as const

/** Opens a page in OAuth mode. */
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
      const shotWith = (DPoP: string): Shot => ({
        ...{ method: 'POST', path: '/token', body },
        headers: { ...headers, DPoP },
      })
      let nonce = ''
      const shots = async (_connection: number, count: number): Promise<Shot[]> => {
        nonce ||= await nonceOf(url, shotWith(await prove(url)))
        const made: Shot[] = []
        for (let shot = 0; shot < count; shot++) made.push(shotWith(await prove(url, nonce)))
        return made
      }
      return { name, url, pid, shots, isRight: (text) => isOAuthAnswer(text, refresh_token) }
    },
  }
}

const OAUTH_TAIL = `,"scope":"${BUNDLE}","google_scope":"${SCOPE}"`

function isOAuthAnswer(body: string, refresh_token: string): boolean {
  const tail = `${OAUTH_TAIL},"refresh_token":"${refresh_token}"}`
  const left = body.slice(HEAD.length, -tail.length)
  return body.startsWith(HEAD) && body.endsWith(tail) && /^\d{1,4}$/.test(left)
}

/** A request without one is refused, and told which. */
async function nonceOf(url: string, { headers, body, path }: Shot): Promise<string> {
  const refused = await fetch(url + path, { method: 'POST', headers, body: body ?? null })
  const nonce = refused.headers.get('DPoP-Nonce')
  if (refused.status !== 400 || nonce === null)
    throw new Error(`no nonce, but a ${refused.status}: ${await refused.text()}`)
  return nonce
}
