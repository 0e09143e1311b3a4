/** This file is the Worker: its fetch handler and the Durable Object class, nothing else. */

import { handle } from './app.ts'

export { Operator } from './operator.ts'
export { Subject } from './subject/subject.ts'

export default { fetch: handle } satisfies ExportedHandler<Env>
