/** The Worker in development: the demo page at `/`, and the broker at every other path. It is never deployed. */

import broker from '../index.ts'
import { servePage } from './page.ts'

export { OneTimeUse, Operator, Subject, SubjectIndex } from '../index.ts'

/** Script and style of the page are static assets, from `src/demo/public`. */
export default {
  fetch(request, env, ctx) {
    const { pathname } = new URL(request.url)
    if (pathname === '/' && request.method === 'GET') return servePage(request, env)
    return pathname.startsWith('/demo/')
      ? env.ASSETS.fetch(request)
      : broker.fetch(request, env, ctx)
  },
} satisfies ExportedHandler<Env>
