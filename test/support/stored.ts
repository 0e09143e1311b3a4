/** A set of stored data: what one build of the broker stored for several users, with what their apps hold, and the answers they got. */

import { listDurableObjectIds, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import type { JWK } from 'jose'
import { vi } from 'vitest'
import { now } from '../../src/clock.ts'
import { useOnce } from '../../src/session/one-time-use.ts'
import { sealToken } from '../../src/session/tokens.ts'
import type { Subject } from '../../src/subject/subject.ts'
import {
  answerOf,
  ask,
  beginSession,
  browse,
  consentTo,
  end,
  logIn,
  subjectOf,
  the,
  theConfig,
} from './broker.ts'
import type { Browser } from './browser.ts'
import { configureClients, gallery, OAUTH_CLIENTS, openFrontend } from './frontend.ts'
import { listAll, statsOf } from './operator.ts'
import { oauthError, refreshed, type ScriptedGoogle, scriptGoogle } from './scripted-google.ts'
import { alarm, dumpKv, later, plantKv, STORY_BEGINS } from './story.ts'

/** One Durable Object. */
interface StoredObject {
  binding: 'SUBJECTS' | 'SUBJECT_INDEX' | 'ONE_TIME_USES'
  name: string
  alarm: number | null
  rows: Record<string, unknown>
}

/** A set, as JSON. */
export interface Stored {
  /** When it was stored, in milliseconds. */
  at: number
  kv: Record<string, string>
  objects: StoredObject[]
  /** `Cookie` headers, by user. */
  cookies: Record<string, string>
  oauth: { key: JWK; refresh_token: string; code: string; code_verifier: string }
  answers: object
}

/** Who has what stored. */
const USERS = [
  'fresh',
  'ends',
  'ended',
  'partial',
  'forgot',
  'narrow',
  'fails',
  'left',
  'out',
] as const
const USED = 'event/stored'

/** Stores something of every kind with this build, and asks for it. */
export async function makeStored(): Promise<Stored> {
  configureClients({ default: { origins: [the.url] }, gallery: OAUTH_CLIENTS.gallery })
  const google = scriptGoogle()
  const browsers = new Map<string, Browser>()
  for (const user of USERS) {
    const bundle = ['narrow', 'forgot'].includes(user) ? 'album' : 'pick'
    const expires_in = ['ended', 'fails'].includes(user) ? 60 : 3599
    const tokens = { access_token: `access of ${user}`, refresh_token: `refresh of ${user}` }
    browsers.set(user, await logIn(browse(), { sub: user, bundle, expires_in, ...tokens }))
  }
  await storeUnhappy(google, browsers)
  const oauth = await storeOAuth()
  await useOnce(env, USED, now() + 3600)
  const jar = ({ jar }: Browser): string =>
    [...(jar.get(new URL(the.url).hostname) ?? [])].map((pair) => pair.join('=')).join('; ')
  const stored: Stored = {
    at: Date.now(),
    kv: Object.fromEntries(await dumpKv()),
    objects: await dumpObjects(),
    cookies: Object.fromEntries([...browsers].map(([user, browser]) => [user, jar(browser)])),
    oauth,
    answers: {},
  }
  return { ...stored, answers: await answersOf(stored) }
}

/** Lets things end and fail, so that every table has a row. */
async function storeUnhappy(google: ScriptedGoogle, browsers: Map<string, Browser>): Promise<void> {
  const of = (user: string): Browser => browsers.get(user) ?? browse()
  const consent = async (sub: string, requested: string, granted: string): Promise<void> => {
    const { stub } = await subjectOf(sub)
    const refresh_token = `second refresh of ${sub}`
    await stub.acceptConsent(
      consentTo(requested, { sub, tokens: { scope: granted, refresh_token } }),
    )
  }
  await consent('partial', the.album, the.upload)
  await end(of('forgot'), '/grants/album')
  google.token = (call) => refreshed(call, { scope: the.album })
  await ask(of('narrow'), { bundle: 'upload' })
  later(90)
  google.token = () => oauthError(400, 'invalid_grant')
  await ask(of('ended'))
  google.token = () => oauthError(503, 'temporarily_unavailable')
  await ask(of('fails'))
  google.revoke = () => new Response(null, { status: 503 })
  await end(of('left'), '/grants')
  const put = vi.spyOn(env.TOKENS, 'put').mockRejectedValue(new Error('KV PUT failed: 429'))
  await end(of('out'), '/session')
  put.mockRestore()
}

/** A session of OAuth mode, and a consent whose code is not redeemed yet. */
async function storeOAuth(): Promise<Stored['oauth']> {
  const [config, frontend] = [theConfig(), await openFrontend()]
  const [sub, client] = ['oauth', gallery.id]
  const { key: subject, stub } = await subjectOf(sub, client)
  const tokens = { access_token: 'access of oauth', refresh_token: 'refresh of oauth' }
  const session = await beginSession(stub, consentTo(the.pick, { sub, tokens }))
  const exp = now() + config.session_ttl_seconds
  const bound = { id: session.id, client, sub, subject, exp, jkt: frontend.jkt, bundle: 'pick' }
  const [id, expires_at] = ['0123456789012345678901', now() + 60]
  const uploads = { access_token: 'access of code', refresh_token: 'refresh of code' }
  await stub.storePendingGrant({
    id,
    expires_at,
    consent: consentTo(the.upload, { sub, tokens: uploads }),
  })
  const { searchParams } = await frontend.authorizeUrl('upload')
  const code = await sealToken(config, 'code', {
    ...{ id, client, subject, sub, bundle: 'upload', redirect_uri: gallery.redirect_uri },
    ...{ code_challenge: searchParams.get('code_challenge') ?? '', dpop_jkt: frontend.jkt },
    ...{ is_app_user: false, exp: expires_at },
  })
  const refresh_token = await sealToken(config, 'refresh', bound)
  return { key: frontend.key, code, refresh_token, code_verifier: frontend.code_verifier }
}

async function dumpObjects(): Promise<StoredObject[]> {
  const objects: StoredObject[] = []
  for (const binding of ['SUBJECTS', 'SUBJECT_INDEX', 'ONE_TIME_USES'] as const) {
    const namespace = env[binding] as unknown as DurableObjectNamespace
    for (const id of await listDurableObjectIds(namespace)) {
      const dump = await runInDurableObject(namespace.get(id), async (_, { storage }) => ({
        alarm: await storage.getAlarm(),
        rows: Object.fromEntries(storage.kv.list()),
      }))
      const { subject, entry } = dump.rows as { subject?: string; entry?: { name: string } }
      objects.push({ binding, name: subject ?? entry?.name ?? USED, ...dump })
    }
  }
  return objects
}

/** Stores a set where nothing is stored, and sets the clock to its time. */
export async function restore({ at, kv, objects }: Stored): Promise<void> {
  configureClients({ default: { origins: [the.url] }, gallery: OAUTH_CLIENTS.gallery })
  later((at - STORY_BEGINS) / 1000)
  for (const [key, value] of Object.entries(kv)) await plantKv(key, value)
  for (const { binding, name, alarm, rows } of objects) {
    const namespace = env[binding] as unknown as DurableObjectNamespace
    await runInDurableObject(namespace.getByName(name), async (_, { storage }) => {
      for (const [key, row] of Object.entries(rows)) storage.kv.put(key, row)
      if (alarm !== null) await storage.setAlarm(alarm)
    })
  }
}

/** What all users get: their sessions, their tokens, a refresh; then what is sealed with a new key, and what is revoked. */
export async function answersOf({ cookies, oauth }: Stored): Promise<object> {
  const google = scriptGoogle()
  const asked: (string | null)[] = []
  google.token = (call) => {
    asked.push(call.body.get('refresh_token'))
    return refreshed(call, { access_token: `another for ${call.body.get('refresh_token')}` })
  }
  const answers: Record<string, unknown> = {}
  const answered = async (
    name: string,
    response: Promise<{ status: number; body: object }>,
  ): Promise<void> => {
    const { status, body } = await response
    const words = ['request_id', 'error_description', 'connect_url', 'refresh_token']
    const kept = Object.entries(body).filter(([member]) => !words.includes(member))
    answers[name] = { status, ...Object.fromEntries(kept) }
  }
  for (const [user, Cookie] of Object.entries(cookies)) {
    const headers = { Cookie }
    const browser = browse()
    for (const bundle of ['pick', 'upload', 'album'])
      await answered(`${user} asks for ${bundle}`, ask(browser, { bundle }, headers))
    const session = browser.call('GET', `${the.url}/session`, undefined, headers)
    await answered(`${user} has`, session.then(answerOf<object>))
  }
  const frontend = await openFrontend(gallery, oauth.key)
  Object.assign(frontend, {
    refresh_token: oauth.refresh_token,
    code_verifier: oauth.code_verifier,
  })
  await answered('oauth asks for pick', frontend.ask('pick'))
  await answered('oauth has', frontend.call('GET', '/session'))
  await answered('oauth redeems', frontend.redeem(oauth.code))
  later(3600)
  await answered('fresh refreshes', ask(browse(), undefined, { Cookie: cookies['fresh'] ?? '' }))
  await answered('oauth refreshes', frontend.ask('pick'))
  answers['it was used'] = !(await useOnce(env, USED, now() + 60))
  for (const user of ['left', 'out', 'fails', 'fresh'])
    await alarm((await subjectOf(user)).stub as DurableObjectStub<Subject>)
  answers['asked'] = asked
  answers['revoked'] = google.revocations.map(({ body }) => body.get('token')).sort()
  answers['in KV'] = [...(await dumpKv()).keys()].sort()
  answers['subjects'] = await statsOfAll()
  return answers
}

async function statsOfAll(): Promise<unknown> {
  const stats: Record<string, unknown> = {}
  for (const key of (await listAll()).sort()) stats[key] = await statsOf(key)
  return stats
}
