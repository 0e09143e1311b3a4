/** This file is who fills the storage before a run: with the broker's own functions, so that what is planted is what it would have written. */

import { now } from '../../../src/clock.ts'
import { type Config, readConfig } from '../../../src/config/config.ts'
import { randomId } from '../../../src/crypto/digest.ts'
import { seal } from '../../../src/crypto/seal.ts'
import { sealSession } from '../../../src/session/session-cookie.ts'
import { sealToken } from '../../../src/session/tokens.ts'
import { ACCESS_TOKEN, type AccessToken } from '../../../src/subject/grant.ts'
import { scopeSetKey } from '../../../src/subject/grants.ts'
import { tokenKey } from '../../../src/subject/kv-records.ts'
import type { Subject } from '../../../src/subject/subject.ts'
import type { Filled, Filling, Planted, Planting } from '../planting.ts'

/** `POST /subject` plants a subject with its grants and a session; `POST /records` makes access tokens of many, and plants none. */
export default {
  async fetch(request, env) {
    const { config } = readConfig(env)
    const body: unknown = await request.json()
    return new URL(request.url).pathname === '/subject'
      ? Response.json(await plantSubject(env, config, body as Planting))
      : Response.json(await makeRecords(config, body as Filling))
  },
} satisfies ExportedHandler<Env>

/** As if each bundle had just been consented to, in the subject's Durable Object. */
async function plantSubject(env: Env, config: Config, planting: Planting): Promise<Planted> {
  const { sub, client, bundles, access_token, expires_in, jkt } = planting
  const subject = await config.pseudonyms.subjectKey({ client, iss: config.issuer, sub })
  const stub = env.SUBJECTS.getByName(subject) as unknown as DurableObjectStub<Subject>
  let id = ''
  for (const name of bundles) {
    const scope = config.bundles.get(name)?.scopes.join(' ') ?? ''
    const expires_at = now() + expires_in
    const refresh_token = `refresh-${randomId()}`
    const tokens = { access_token, refresh_token, expires_in, expires_at, scope }
    const consent = { sub, requested_scope: scope, tokens, began_at: now() }
    const accepted = await stub.acceptConsent({ ...consent, begins_session: name === bundles[0] })
    if (!accepted.ok || !('result' in accepted.value) || accepted.value.result !== 'ok')
      throw new Error(`the subject did not accept ${name}`)
    if ('session' in accepted.value) id = accepted.value.session?.id ?? id
  }
  const session = { id, client, sub, subject, exp: now() + config.session_ttl_seconds }
  const [first = ''] = bundles
  if (jkt === undefined) return { cookie: cookieOf(await sealSession(config, session)) }
  const bound = { ...session, jkt, bundle: first }
  return { refresh_token: await sealToken(config, 'refresh', bound) }
}

/** One access token each, as the edge finds it, for whoever fills the store; a cookie for every `cookie_each`th. */
async function makeRecords(config: Config, filling: Filling): Promise<Filled> {
  const { from, count, client, bundle, access_token, expires_in, cookie_each } = filling
  const scopes = config.bundles.get(bundle)?.scopes
  if (!scopes) throw new TypeError(`there is no bundle ${bundle}`)
  const key = await scopeSetKey(scopes)
  const filled: Filled = { records: [], cookies: [] }
  for (let index = from; index < from + count; index++) {
    const sub = `stored-${index}`
    const subject = await config.pseudonyms.subjectKey({ client, iss: config.issuer, sub })
    const [id, at] = [randomId(), now()]
    const token: AccessToken = {
      ...{ v: 1, access_token, scope: scopes.join(' '), generation: randomId() },
      expires_at: at + expires_in,
      sessions: [[id, Math.floor(at)]],
    }
    const place = tokenKey(subject, key)
    const value = await seal(config.keyring, { kind: ACCESS_TOKEN, at: place }, token)
    filled.records.push({ key: place, value, expires_at: token.expires_at })
    if (index % cookie_each !== 0) continue
    const exp = at + config.session_ttl_seconds
    filled.cookies.push(cookieOf(await sealSession(config, { id, client, sub, subject, exp })))
  }
  return filled
}

function cookieOf(set_cookie: string): string {
  return set_cookie.split(';')[0] ?? ''
}
