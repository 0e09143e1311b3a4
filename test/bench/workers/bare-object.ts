/** A bare Worker that answers the bytes of a token response after one Durable Object call, with a KV read and a line of log if configured so. */

import { DurableObject } from 'cloudflare:workers'

interface BareObjectEnv {
  ANSWER: string
  OBJECTS: DurableObjectNamespace<Answering>
  TOKENS?: KVNamespace
  KEY?: string
  LINE?: string
}

/** Waits once for all callers, as for a refresh: `?wait=MS`. */
export class Answering extends DurableObject<BareObjectEnv> {
  #waiting: Promise<void> | undefined

  async answer(wait_ms: number): Promise<string> {
    if (wait_ms > 0) {
      this.#waiting ??= new Promise((resolve) => setTimeout(resolve, wait_ms))
      await this.#waiting
    }
    return this.env.ANSWER
  }
}

export default {
  async fetch(request, { KEY = '', LINE, OBJECTS, TOKENS }) {
    const { pathname, searchParams } = new URL(request.url)
    if (request.body) await request.bytes()
    await TOKENS?.get(KEY)
    const wait_ms = Number(searchParams.get('wait') ?? 0)
    const answer = await OBJECTS.getByName(pathname).answer(wait_ms)
    if (LINE !== undefined) console.info(LINE)
    return new Response(answer, { headers: { 'Content-Type': 'application/json' } })
  },
} satisfies ExportedHandler<BareObjectEnv>
