/** The simulator with a clock that can be set. */

import simulator, { type Bindings } from '../../../src/simulator/index.ts'
import { setClock } from './shifted-clock.ts'

export { Google } from '../../../src/simulator/index.ts'

export default {
  fetch: async (request, env) =>
    setClock(request) ? new Response() : simulator.fetch(request, env),
} satisfies ExportedHandler<Bindings>
