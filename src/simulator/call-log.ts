/** This file is the list of calls this Google has received: names of parameters, never their values. */

/** One call. */
export interface Call {
  /** Which endpoint, as in a fault: `token:refresh_token`, `api:picker.sessions.create`. */
  at: string
  /** NumericDate. */
  time: number
  method: string
  /** Without the query, where tokens travel. */
  path: string
  /** 0 when the caller gave up before there was one. */
  status: number
  /** Names of the parameters, in the query and the form. */
  parameters: string[]
  grant_type?: string
  scope?: string
  /** Names of the effects of the fault that this call met. */
  fault?: string[]
}

/** So many calls are remembered. */
const MAX_CALLS = 500

/** Remembers a call and forgets the oldest. */
export function logCall(log: Call[], call: Call): void {
  log.push(call)
  if (log.length > MAX_CALLS) log.splice(0, log.length - MAX_CALLS)
}
