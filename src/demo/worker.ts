/** This file is the Worker in development: the demo page at `/`, the broker everywhere else; it is never deployed. */

import broker from '../index.ts'
import { servePage } from './page.ts'

export { Subject } from '../index.ts'

/** Script and style of the page are static assets (`src/demo/public`), which wrangler serves before it asks here. */
export default {
  fetch(request, env, ctx) {
    const isPage = new URL(request.url).pathname === '/' && request.method === 'GET'
    return isPage ? servePage(request, env) : broker.fetch(request, env, ctx)
  },
} satisfies ExportedHandler<Env>
