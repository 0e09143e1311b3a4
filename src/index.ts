/** The Worker: its fetch handler, its Durable Object classes and the operator's entrypoint. */

import { handle } from './app.ts'

export { SubjectIndex } from './events/subject-index.ts'
export { Operator } from './operator.ts'
export { OneTimeUse } from './session/one-time-use.ts'
export { Subject } from './subject/subject.ts'

export default { fetch: handle } satisfies ExportedHandler<Env>
