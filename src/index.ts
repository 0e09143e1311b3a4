/** This file is the Worker: its fetch handler and the Durable Object class, nothing else. */

import { handle } from './app.ts'

export { SubjectIndex } from './events/subject-index.ts'
export { Operator } from './operator.ts'
export { OneTimeUse } from './session/one-time-use.ts'
export { Subject } from './subject/subject.ts'

export default { fetch: handle } satisfies ExportedHandler<Env>
