/** This file is a person for tests: goes through the pages of this Google as they are, without a browser. */

import type { Simulation } from './simulation.ts'

/** What a person does on the way. */
export interface PersonChoice {
  /** `sub` or email of the account to use; by default the first. */
  account?: string
  /** Scopes whose box to untick, short (`photoslibrary.appendonly`) or full. */
  untick?: readonly string[]
  /** Presses "Cancel" instead of "Continue". */
  cancel?: boolean
  /** Gives time-limited access. */
  lasts_seconds?: number
}

type Fetch = (request: Request) => Promise<Response>

/** Opens an authorization URL, chooses, presses, and tells where the browser is sent in the end. */
export async function visit(
  { world, origin }: Simulation,
  fetch: Fetch,
  authorizationUrl: URL,
  choice: PersonChoice = {},
): Promise<URL> {
  const wanted = choice.account ?? world.accounts[0]?.sub ?? ''
  const account =
    world.accounts.find((one) => one.sub === wanted || one.email === wanted)?.sub ?? wanted
  const request = authorizationUrl.search.slice(1)
  const submit = (path: string, fields: string[][]): Promise<Response> =>
    fetch(
      new Request(`${origin}/o/oauth2/v2/auth/${path}`, {
        method: 'POST',
        body: new URLSearchParams([['request', request], ['account', account], ...fields]),
      }),
    )
  let response = await fetch(
    new Request(authorizationUrl, { headers: { Cookie: `simulator_signed_in=${account}` } }),
  )
  let text = await response.text()
  if (text.includes('action="/o/oauth2/v2/auth/account"')) {
    response = await submit('account', [])
    text = await response.text()
  }
  if (text.includes('action="/o/oauth2/v2/auth/consent"')) {
    response = await submit('consent', [
      ...tickedBoxes(text, choice.untick ?? []).map((scope) => ['scope', scope]),
      ['action', choice.cancel ? 'Cancel' : 'Continue'],
      ['lasts', String(choice.lasts_seconds ?? '')],
    ])
  }
  const location = response.headers.get('Location')
  if (location === null) throw new Error(`no way back to the app: ${wordsOf(text)}`)
  return new URL(location)
}

function tickedBoxes(page: string, untick: readonly string[]): string[] {
  const boxes = [...page.matchAll(/name="scope" value="([^"]+)"/g)].map(([, scope = '']) => scope)
  return boxes.filter(
    (scope) => !untick.some((name) => scope === name || scope.endsWith(`/${name}`)),
  )
}

function wordsOf(page: string): string {
  const [, main = page] = /<main[^>]*>(.*)<\/main>/s.exec(page) ?? []
  return main
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
