/** This file is a bare Worker with one KV read: a value as large as the broker's own record, and the bytes of a hand-out. A body that comes is read. */

interface BareKvEnv {
  ANSWER: string
  TOKENS: KVNamespace
  KEY: string
}

export default {
  async fetch(request, { ANSWER, TOKENS, KEY }) {
    if (request.body) await request.bytes()
    if ((await TOKENS.get(KEY)) === null) return new Response('not planted', { status: 500 })
    return new Response(ANSWER, { headers: { 'Content-Type': 'application/json' } })
  },
} satisfies ExportedHandler<BareKvEnv>
