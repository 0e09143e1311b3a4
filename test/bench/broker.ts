/** This file is the broker as a side of a run: the production build in its variants, each with somebody who plants subjects for it. */

import { readFile } from 'node:fs/promises'
import { bundle, type Production } from './bundles.ts'
import { ACCESS_TOKEN, BUNDLE, GALLERY, LIFE_SECONDS } from './frontend.ts'
import type { Filled, Filling, Planted, Planting } from './planting.ts'
import { brokerVars, type Runtime, type Side } from './runtime.ts'

/** A variant of the broker. */
export interface Variant {
  vars?: Record<string, unknown>
  /** Counts what it asks its bindings for. */
  isCounted?: boolean
}

/** The name of the client in cookie mode. */
const WEB = 'web'

/** Names of twenty bundles with scopes of their own, the first of which all runs ask for. */
export const TWENTY: readonly string[] = [
  BUNDLE,
  ...Array.from({ length: 19 }, (_, index) => `bundle-${index + 1}`),
]

const APPEND = 'photoslibrary.appendonly'
const READ = 'photoslibrary.readonly.appcreateddata'
const EDIT = 'photoslibrary.edit.appcreateddata'
const PHOTOS = ['photospicker.mediaitems.readonly', APPEND, READ, EDIT]

/** Makes the sides of these variants; all have the same secrets. */
export async function brokerSides(
  production: Production,
  issuer: string,
  variants: Readonly<Record<string, Variant>>,
): Promise<Side[]> {
  const code = await readFile(production.path, 'utf8')
  const counted = await bundle('workers/counted.ts', production.path)
  const seeder = await bundle('workers/seeder.ts', production.path)
  const vars = {
    ...brokerVars(issuer),
    BUNDLES: JSON.stringify(twentyBundles()),
    CLIENTS: JSON.stringify({
      [WEB]: { origins: ['URL'] },
      [GALLERY.id]: { origins: [GALLERY.origin], redirect_uris: [`${GALLERY.origin}/`] },
    }),
  }
  return Object.entries(variants).flatMap(([name, { vars: more, isCounted }]): Side[] => {
    const parts = { vars: { ...vars, ...more }, kv: { TOKENS: name } }
    const seen = Object.entries(OBJECTS).map(([binding, one]) => [binding, { ...one, of: name }])
    return [
      { name, code: isCounted ? counted : code, ...parts, objects: OBJECTS },
      {
        ...{ name: seederOf(name), code: seeder, at: name, ...parts },
        objects: Object.fromEntries(seen),
      },
    ]
  })
}

/** The Durable Objects of the broker, as wrangler.toml binds them. */
const OBJECTS = {
  SUBJECTS: { className: 'Subject' },
  ONE_TIME_USES: { className: 'OneTimeUse' },
  SUBJECT_INDEX: { className: 'SubjectIndex' },
}

let people = 0

/** Plants a subject where a broker keeps its own. @returns its credential */
export async function plant(
  runtime: Runtime,
  broker: string,
  planting: Partial<Planting> = {},
): Promise<Required<Planted>> {
  const body: Planting = {
    ...{ sub: `person-${people++}`, client: WEB, bundles: [BUNDLE] },
    ...{ access_token: ACCESS_TOKEN, expires_in: LIFE_SECONDS },
    ...planting,
  }
  const planted = await tellSeeder<Planted>(runtime, broker, '/subject', body)
  return { cookie: '', refresh_token: '', ...planted }
}

/** Makes what is stored of many subjects; nothing is planted by it. */
export async function makeRecords(
  runtime: Runtime,
  broker: string,
  some: Pick<Filling, 'from' | 'count' | 'cookie_each'>,
): Promise<Filled> {
  const what = { client: WEB, bundle: BUNDLE, access_token: ACCESS_TOKEN }
  const filling: Filling = { ...some, ...what, expires_in: LIFE_SECONDS }
  return tellSeeder(runtime, broker, '/records', filling)
}

/** Writes a record into a namespace, which has a Worker for it. */
export async function write(
  { url }: Runtime,
  namespace: string,
  key: string,
  body: string,
): Promise<void> {
  const at = `${url(`writer of ${namespace}`)}/${encodeURIComponent(key)}`
  const { status } = await fetch(at, { method: 'PUT', body })
  if (status !== 200) throw new Error(`not written: ${status}`)
}

async function tellSeeder<T>(
  { url }: Runtime,
  broker: string,
  path: string,
  body: object,
): Promise<T> {
  const init = { method: 'POST', body: JSON.stringify(body) }
  const response = await fetch(url(seederOf(broker)) + path, init)
  if (!response.ok) throw new Error(`not planted: ${await response.text()}`)
  return response.json() as Promise<T>
}

function seederOf(broker: string): string {
  return `seeder of ${broker}`
}

/** Sets of the scopes of the Photos APIs that make sense, then the same with a sign-in scope: twenty in all. */
function twentyBundles(): Record<string, object> {
  const sets = Array.from({ length: 15 }, (_, set) =>
    PHOTOS.filter((_scope, bit) => (set + 1) & (1 << bit)),
  ).filter((scopes) => !scopes.includes(READ) || scopes.includes(APPEND))
  const all = [...sets, ...sets.map((scopes) => [...scopes, 'openid'])]
  return Object.fromEntries(
    TWENTY.map((name, index) => [name, { scopes: all[index], reason: 'For the bench' }]),
  )
}
