/** The broker in a run: its production build in several variants, each with a Worker that fills its storage. */

import { readFile } from 'node:fs/promises'
import { bundle, type Production } from './bundles.ts'
import { ACCESS_TOKEN, BUNDLE, GALLERY, LIFE_SECONDS, SCOPE } from './frontend.ts'
import type { Filling, Planted, Planting } from './planting.ts'
import { brokerVars, type Runtime, type Side } from './runtime.ts'

/** A variant of the broker. */
export interface Variant {
  vars?: Record<string, unknown>
  /** The Worker of this folder that wraps it. */
  wrapper?: string
}

/** Counts what is billed. */
export const COUNTED = 'workers/counted.ts'

/** Id of the client in cookie mode. */
const WEB = 'web'

/** The KV namespace of the bare Workers, and its only key: a copy of a record of the broker. */
export const BARE_NAMESPACE = 'bare KV'
export const BARE_KEY = 'the-record'

/** Makes the sides of these variants. All have the same secrets. */
export async function brokerSides(
  production: Production,
  issuer: string,
  variants: Readonly<Record<string, Variant>>,
): Promise<Side[]> {
  const { path, root } = production
  const code = await readFile(path, 'utf8')
  const seeder = await bundle('workers/seeder.ts', { root })
  const vars = {
    ...brokerVars(issuer),
    BUNDLES: JSON.stringify({ [BUNDLE]: { scopes: [SCOPE], reason: 'For the bench' } }),
    CLIENTS: JSON.stringify({
      [WEB]: { origins: ['URL'] },
      [GALLERY.id]: { origins: [GALLERY.origin], redirect_uris: [`${GALLERY.origin}/`] },
    }),
  }
  const sides = Object.entries(variants).map(async ([name, { vars: more, wrapper }]) => {
    const parts = { vars: { ...vars, ...more }, kv: { TOKENS: name, BARE: BARE_NAMESPACE } }
    const shared = Object.entries(OBJECTS).map(([binding, one]) => [binding, { ...one, of: name }])
    const wrapped = wrapper === undefined ? code : await bundle(wrapper, { wrapped: path })
    return [
      { name, code: wrapped, ...parts, objects: OBJECTS },
      {
        ...{ name: seederOf(name), code: seeder, at: name, ...parts },
        objects: Object.fromEntries(shared),
      },
    ]
  })
  return (await Promise.all(sides)).flat()
}

/** The Durable Objects of the broker, bound as in wrangler.toml. */
const OBJECTS = {
  SUBJECTS: { className: 'Subject' },
  ONE_TIME_USES: { className: 'OneTimeUse' },
  SUBJECT_INDEX: { className: 'SubjectIndex' },
}

let subjects = 0

/** Stores a subject in the storage of a broker. @returns its credential */
export async function plant(
  runtime: Runtime,
  broker: string,
  planting: Partial<Planting> = {},
): Promise<Required<Planted>> {
  const body: Planting = {
    ...{ sub: `subject-${subjects++}`, client: WEB, bundles: [BUNDLE] },
    ...{ access_token: ACCESS_TOKEN, expires_in: LIFE_SECONDS },
    ...planting,
  }
  const planted = await callSeeder<Planted>(runtime, broker, '/subject', body)
  return { cookie: '', refresh_token: '', ...planted }
}

/** Stores an access token for each of many subjects in KV. @returns cookies of some of them */
export async function storeTokens(
  runtime: Runtime,
  broker: string,
  some: Pick<Filling, 'from' | 'count' | 'cookie_each'>,
): Promise<string[]> {
  const token = { client: WEB, bundle: BUNDLE, access_token: ACCESS_TOKEN }
  const filling: Filling = { ...some, ...token, expires_in: LIFE_SECONDS, copy_to: BARE_KEY }
  return callSeeder(runtime, broker, '/tokens', filling)
}

async function callSeeder<T>(
  { url }: Runtime,
  broker: string,
  path: string,
  body: object,
): Promise<T> {
  const init = { method: 'POST', body: JSON.stringify(body) }
  const response = await fetch(url(seederOf(broker)) + path, init)
  if (!response.ok) throw new Error(`not stored: ${await response.text()}`)
  return response.json() as Promise<T>
}

function seederOf(broker: string): string {
  return `seeder of ${broker}`
}
