/** This file is a bare Worker: it answers the bytes of a hand-out and does nothing else. */

interface BareEnv {
  ANSWER: string
}

export default {
  fetch: (_request, { ANSWER }) =>
    new Response(ANSWER, { headers: { 'Content-Type': 'application/json' } }),
} satisfies ExportedHandler<BareEnv>
