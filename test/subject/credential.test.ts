/** This file is the tests of who is let in, and of the proofs that were used: each once for as long as it could be used, and none for longer. */

import { expect, it } from 'vitest'
import { now } from '../../src/clock.ts'
import { admit, createUsedProofs, type UsedProofs } from '../../src/subject/credential.ts'
import { later, stage } from '../support/story.ts'

stage()

/** Uses so many proofs, which are good for a minute. */
function useMany(proofs: UsedProofs, count: number): void {
  for (let jti = 0; jti < count; jti++) use(proofs, `${jti}`)
}

const use = (proofs: UsedProofs, jti: string, jkt = 'key'): boolean =>
  proofs.use({ jkt, jti, expires_at: now() + 60 })

it('a proof is used once, by the key that made it, however many others come (RFC 9449 §11.1)', () => {
  const proofs = createUsedProofs()
  useMany(proofs, 500)
  for (const jti of ['0', '100', '499']) expect(use(proofs, jti)).toBe(false)
  expect(use(proofs, '0', 'another key')).toBe(true)
})

it.each([
  { many: 101, seconds: 60, isForgotten: true },
  { many: 101, seconds: 59.999, isForgotten: false },
  { many: 100, seconds: 60, isForgotten: false },
])('of $many proofs $seconds s ago, one is forgotten: $isForgotten', (given) => {
  const proofs = createUsedProofs()
  useMany(proofs, given.many)
  later(given.seconds)
  expect(use(proofs, '0')).toBe(given.isForgotten)
})

it('whoever is refused is refused for what it is', () => {
  const proofs = createUsedProofs()
  const proof = { jkt: 'key', jti: 'one', expires_at: now() + 60 }
  const ask = (): unknown => admit({ kind: 'session', id: 'gone', proof }, proofs, () => undefined)
  expect(ask()).toMatchObject({ failure: { code: 'login_required', reason: 'session_ended' } })
  expect(ask()).toMatchObject({ failure: { code: 'invalid_dpop_proof', reason: 'dpop_replayed' } })
})
