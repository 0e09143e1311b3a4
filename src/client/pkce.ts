/** PKCE (RFC 7636), made ahead: a popup must open during the click, and hashing is asynchronous. */

import { random, sha256 } from './bytes.ts'

interface Pkce {
  code_verifier: string
  code_challenge: string
}

let next = await makePkce()

/** Takes the pair that is ready, and starts to make the next one. */
export function takePkce(): Pkce {
  const taken = next
  void makePkce().then((made) => {
    next = made
  })
  return taken
}

async function makePkce(): Promise<Pkce> {
  const code_verifier = random()
  return { code_verifier, code_challenge: await sha256(code_verifier) }
}
