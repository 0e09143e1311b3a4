/** The Worker: its fetch handler and the Durable Object class, nothing else. */
import { DurableObject } from 'cloudflare:workers'

export class Subject extends DurableObject<Env> {}

export default {
  fetch: () => new Response('ok'),
} satisfies ExportedHandler<Env>
