/** A user for tests: goes through the sign-in and consent pages of the simulator without a browser. */

import type { Simulation } from './simulation.ts'

/** What the user chooses. */
export interface UserChoice {
  /** `sub` or email of the account to use; default: the first. */
  account?: string
  /** Scopes whose box to untick, short (`photoslibrary.appendonly`) or full. */
  untick?: readonly string[]
  /** Presses "Cancel" instead of "Continue". */
  cancel?: boolean
  /** Grants time-limited access, in seconds. */
  lasts_seconds?: number
}

type Fetch = (request: Request) => Promise<Response>

/** Goes through the pages of an authorization URL. @returns the redirect to the app @throws {Error} on an error page */
export async function consentAsUser(
  { world, origin }: Simulation,
  fetch: Fetch,
  authorizationUrl: URL,
  choice: UserChoice = {},
): Promise<URL> {
  const wanted = choice.account ?? world.accounts[0]?.sub ?? ''
  const account =
    world.accounts.find(({ sub, email }) => sub === wanted || email === wanted)?.sub ?? wanted
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
  if (location === null) throw new Error(`no redirect to the app: ${textOf(text)}`)
  return new URL(location)
}

function tickedBoxes(page: string, untick: readonly string[]): string[] {
  const boxes = [...page.matchAll(/name="scope" value="([^"]+)"/g)].map(([, scope = '']) => scope)
  return boxes.filter(
    (scope) => !untick.some((name) => scope === name || scope.endsWith(`/${name}`)),
  )
}

function textOf(page: string): string {
  const [, main = page] = /<main[^>]*>(.*)<\/main>/s.exec(page) ?? []
  return main
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
