/** This file is who writes a record into a namespace before a run: `PUT /KEY`. */

interface WriterEnv {
  TOKENS: KVNamespace
}

export default {
  async fetch(request, { TOKENS }) {
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1))
    await TOKENS.put(key, await request.text())
    return new Response()
  },
} satisfies ExportedHandler<WriterEnv>
