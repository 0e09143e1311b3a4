/** This file is PKCE in stock: a click needs its challenge at once, and hashing takes a moment; RFC 7636. */

import { random, sha256 } from './bytes.ts'

interface Pkce {
  code_verifier: string
  code_challenge: string
}

let next = await makePkce()

/** Takes the pair that is ready, and has another made. */
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
