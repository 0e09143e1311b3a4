/** An operator's Worker that consumes the audit queue and returns the records it received; `/list` calls the broker. */

import type { OperatorCalls } from '../../../src/protocol/operator.ts'

const records: unknown[] = []

export default {
  queue({ messages }: { messages: readonly { body: unknown }[] }): void {
    records.push(...messages.map(({ body }) => body))
  },
  async fetch(request: Request, { BROKER }: { BROKER: OperatorCalls }): Promise<Response> {
    if (new URL(request.url).pathname === '/list') await BROKER.subjects('ada')
    return Response.json(records)
  },
}
