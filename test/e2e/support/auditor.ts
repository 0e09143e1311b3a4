/** This file is a Worker of an operator's: it hears the audit queue, and tells what it heard. */

interface Heard {
  /** Records as they came. */
  records: unknown[]
}

const heard: Heard = { records: [] }

export default {
  queue({ messages }: { messages: readonly { body: unknown }[] }): void {
    heard.records.push(...messages.map(({ body }) => body))
  },
  fetch(): Response {
    return Response.json(heard)
  },
}
