/**
 * The control endpoints below `/__`: faults, log, settings, access tokens, accounts and events.
 *
 * They take JSON, from curl and from tests in other processes. The buttons of the home page are forms that post the same
 * JSON in the field `json`; a browser then gets the home page again.
 */

import { type Context, Hono } from 'hono'
import * as v from 'valibot'
import { isForm, readForm } from './endpoints.ts'
import { parseFaults } from './faults/vocabulary.ts'
import { endGrant, liveAccessTokens } from './oauth/consents.ts'
import {
  type SecurityEventRequest,
  securityEventRequestSchema,
  sendSecurityEvent,
} from './security-events.ts'
import { clientsOf, projectOf, type Simulation } from './simulation.ts'

const settingsSchema = v.partial(
  v.strictObject({
    publishing: v.picklist(['production', 'testing']),
    iss_on_redirect: v.boolean(),
    opener_policy: v.picklist(['unsafe-none', 'same-origin']),
    boxes_ticked: v.boolean(),
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
    world.faults.push(...parseFaults(await readJson(c)))
    return answer(c, world.faults)
  })
  const clearFaults = (c: Context): Response => {
    world.faults = []
    return answer(c, undefined)
  }
  app.delete('/__faults', clearFaults)
  app.post('/__faults/clear', clearFaults)
  app.post('/__access_tokens/end', (c) => {
    const ended = liveAccessTokens(simulation).length
    world.access_tokens = {}
    return answer(c, { ended })
  })
  app.get('/__log', (c) => c.json(world.log))
  app.delete('/__log', (c) => {
    world.log = []
    return answer(c, undefined)
  })
  app.get('/__settings', (c) => c.json(world.settings))
  app.post('/__settings', async (c) => {
    Object.assign(world.settings, parse(settingsSchema, await readJson(c)))
    return answer(c, world.settings)
  })
  app.get('/__accounts', (c) => c.json(world.accounts))
  app.delete('/__accounts', (c) => {
    for (const account of world.accounts) {
      removeApps(simulation, account.sub)
      account.sub = newSub()
    }
    return answer(c, undefined)
  })
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

/** Removes the project of one app, or all, from an account. @returns the events to send to them */
export function removeApps(
  simulation: Simulation,
  account: string,
  client_id?: string,
): SecurityEventRequest[] {
  const { world } = simulation
  const sub = world.accounts.find((known) => known.email === account)?.sub ?? account
  const only = client_id === undefined ? undefined : projectOf(simulation, client_id)
  const connected = world.consents
    .filter((consent) => consent.sub === sub && consent.project === (only ?? consent.project))
    .map(({ project }) => project)
  for (const project of connected) endGrant(simulation, project, sub)
  return connected.map((project) => {
    const { client_id: id = project } = clientsOf(simulation, project)[0] ?? {}
    return { type: 'tokens-revoked', account: sub, client_id: id }
  })
}

/** Makes the `sub` of another person: 21 digits, as at Google. */
function newSub(): string {
  const digits = crypto.getRandomValues(new Uint8Array(20))
  return `1${Array.from(digits, (digit) => digit % 10).join('')}`
}

/** Reads the JSON of a call, or of a button. */
async function readJson(c: Context): Promise<unknown> {
  return isForm(c) ? JSON.parse((await readForm(c)).get('json') ?? '') : c.req.json()
}

/** Answers a call; a browser that posted a form gets the home page again, at the buttons. */
function answer(c: Context, body: object | undefined): Response {
  if (isForm(c)) return c.redirect('/#try', 303)
  return body === undefined ? c.body(null, 204) : c.json(body)
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
