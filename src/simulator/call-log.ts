/** The log of received calls: names of parameters, never their values. */

/** One call. */
export interface Call {
  /** The endpoint, named as in a fault: `token:refresh_token`, `api:picker.sessions.create`. */
  at: string
  /** NumericDate. */
  time: number
  method: string
  /** Without the query, which may contain tokens. */
  path: string
  /** 0 if the caller ended the call before the answer. */
  status: number
  /** Names of the parameters, in the query and the form. */
  parameters: string[]
  grant_type?: string
  scope?: string
  /** Names of the effects of the fault that was applied. */
  fault?: string[]
}

/** How many calls the log has at most. */
const MAX_CALLS = 500

/** Adds a call, and removes the oldest beyond the limit. */
export function logCall(log: Call[], call: Call): void {
  log.push(call)
  if (log.length > MAX_CALLS) log.splice(0, log.length - MAX_CALLS)
}
