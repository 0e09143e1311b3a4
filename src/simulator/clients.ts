/** The OAuth clients of the simulator, read from its variable `CLIENTS`. */

import * as v from 'valibot'
import type { Client } from './simulation.ts'

const clientSchema = v.strictObject({
  client_id: v.pipe(v.string(), v.nonEmpty()),
  client_secret: v.pipe(v.string(), v.nonEmpty()),
  redirect_uris: v.array(v.pipe(v.string(), v.url())),
  project: v.exactOptional(v.string()),
  name: v.exactOptional(v.string()),
  receiver: v.exactOptional(v.pipe(v.string(), v.url())),
})

/** The client that is used without the variable. */
const DEFAULT: readonly Client[] = [
  {
    client_id: 'simulator-client',
    client_secret: 'simulator-secret',
    redirect_uris: ['http://localhost:8787/callback'],
  },
]

/** Reads the clients: a list, or JSON text of one. @throws {TypeError} if it is anything else */
export function readClients(value: unknown): readonly Client[] {
  if (value === undefined || value === '') return DEFAULT
  const parsed = v.safeParse(v.array(clientSchema), fromJson(value))
  if (parsed.success) return parsed.output
  const why = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? ''} ${issue.message}`)
  throw new TypeError(`CLIENTS: ${why.join('; ')}`)
}

function fromJson(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    throw new TypeError('CLIENTS: not JSON')
  }
}
