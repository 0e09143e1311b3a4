/** The control endpoints below `/__`: faults, log, settings, accounts and events, for tests in other processes and for curl. */

import { Hono } from 'hono'
import * as v from 'valibot'
import { parseFaults } from './faults/vocabulary.ts'
import { endGrant } from './oauth/consents.ts'
import {
  type SecurityEventRequest,
  securityEventRequestSchema,
  sendSecurityEvent,
} from './security-events.ts'
import type { Simulation } from './simulation.ts'

const settingsSchema = v.partial(
  v.strictObject({
    publishing: v.picklist(['production', 'testing']),
    iss_on_redirect: v.boolean(),
    opener_policy: v.picklist(['unsafe-none', 'same-origin']),
    poll_interval_seconds: v.pipe(v.number(), v.minValue(0.1)),
    clock_ahead_seconds: v.number(),
  }),
)

/** An account by `sub` or email; without a client, all apps. */
const removalSchema = v.strictObject({
  account: v.string(),
  client_id: v.optional(v.string()),
})

/** Makes the control endpoints. A body that is not valid is answered with 400 and the reason. */
export function controls(simulation: Simulation): Hono {
  const { world } = simulation
  const app = new Hono()
  app.onError((error, c) => {
    if (error instanceof TypeError || error instanceof SyntaxError)
      return c.json({ error: error.message }, 400)
    throw error
  })
  app.get('/__faults', (c) => c.json(world.faults))
  app.post('/__faults', async (c) => {
    world.faults.push(...parseFaults(await c.req.json()))
    return c.json(world.faults)
  })
  app.delete('/__faults', (c) => {
    world.faults = []
    return c.body(null, 204)
  })
  app.get('/__log', (c) => c.json(world.log))
  app.delete('/__log', (c) => {
    world.log = []
    return c.body(null, 204)
  })
  app.get('/__settings', (c) => c.json(world.settings))
  app.post('/__settings', async (c) => {
    Object.assign(world.settings, parse(settingsSchema, await c.req.json()))
    return c.json(world.settings)
  })
  app.get('/__accounts', (c) => c.json(world.accounts))
  app.post('/__accounts/revoke', async (c) => {
    const { account, client_id } = parse(removalSchema, await c.req.json())
    const removed = removeApps(simulation, account, client_id)
    for (const event of removed) await sendSecurityEvent(simulation, event)
    return c.json({ removed: removed.length })
  })
  app.get('/__events', (c) => c.json(world.events))
  app.post('/__events', async (c) => {
    const sent = await sendSecurityEvent(
      simulation,
      parse(securityEventRequestSchema, await c.req.json()),
    )
    if (!sent) throw new TypeError('client_id: this app has no receiver')
    return c.json(sent)
  })
  return app
}

/** Removes one app, or all, from an account. @returns the events to send to them */
export function removeApps(
  simulation: Simulation,
  account: string,
  client_id?: string,
): SecurityEventRequest[] {
  const { world, clients } = simulation
  const sub = world.accounts.find((known) => known.email === account)?.sub ?? account
  const apps = clients.map((client) => client.client_id).filter((id) => (client_id ?? id) === id)
  const connected = apps.filter((id) =>
    world.consents.some((consent) => consent.client_id === id && consent.sub === sub),
  )
  for (const id of connected) endGrant(simulation, id, sub)
  return connected.map((id) => ({ type: 'tokens-revoked', account: sub, client_id: id }))
}

function parse<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, value)
  if (parsed.success) return parsed.output
  const why = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? ''}: ${issue.message}`)
  throw new TypeError(why.join('; '))
}
