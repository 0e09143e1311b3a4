/** A bare Worker that answers the bytes of a token response, after one KV read and with one line of log if it is configured so. */

interface BareKvEnv {
  ANSWER: string
  /** Where a record like those of the broker is read. */
  TOKENS?: KVNamespace
  KEY?: string
  /** A line to log. */
  LINE?: string
}

export default {
  async fetch(request, { ANSWER, TOKENS, KEY = '', LINE }) {
    if (request.body) await request.bytes()
    if (TOKENS && (await TOKENS.get(KEY)) === null)
      return new Response('no record', { status: 500 })
    if (LINE !== undefined) console.info(LINE)
    return new Response(ANSWER, { headers: { 'Content-Type': 'application/json' } })
  },
} satisfies ExportedHandler<BareKvEnv>
