/** An operator's Worker that consumes the audit queue and returns the records it received. */

const records: unknown[] = []

export default {
  queue({ messages }: { messages: readonly { body: unknown }[] }): void {
    records.push(...messages.map(({ body }) => body))
  },
  fetch(): Response {
    return Response.json(records)
  },
}
