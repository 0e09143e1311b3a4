/** This file is a bare Worker with one KV read: a value as large as the broker's own record, and the bytes of a hand-out. A body that comes is read; with `LINE`, that is written to the log. */

interface BareKvEnv {
  ANSWER: string
  TOKENS: KVNamespace
  KEY: string
  LINE?: string
}

export default {
  async fetch(request, { ANSWER, TOKENS, KEY, LINE }) {
    if (request.body) await request.bytes()
    if ((await TOKENS.get(KEY)) === null) return new Response('not planted', { status: 500 })
    if (LINE !== undefined) console.info(LINE)
    return new Response(ANSWER, { headers: { 'Content-Type': 'application/json' } })
  },
} satisfies ExportedHandler<BareKvEnv>
