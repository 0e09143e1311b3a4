/** This file is the Worker in development. */
import broker from '../index.ts'
export { Subject } from '../index.ts'
export default {
  fetch: (request, env, ctx) => new URL(request.url).pathname === '/' ? new Response(JSON.stringify([request.url, env.BASE_URL, env.GOOGLE_CLIENT_SECRET, (env as any).CLIENTS, (env as any).ISSUER, env.BUNDLES])) : broker.fetch(request as never, env, ctx),
} satisfies ExportedHandler<Env>
