/** The Worker that fills the storage before a run, with the functions of the broker itself. */

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
import type { Filling, Planted, Planting } from '../planting.ts'

interface SeederEnv extends Env {
  /** The namespace of the bare Workers. */
  BARE: KVNamespace
}

/** `POST /subject` stores a subject with its grants and a session; `POST /tokens` stores access tokens of many. */
export default {
  async fetch(request, env) {
    const { config } = readConfig(env)
    const body: unknown = await request.json()
    return new URL(request.url).pathname === '/subject'
      ? Response.json(await plantSubject(env, config, body as Planting))
      : Response.json(await storeTokens(env, config, body as Filling))
  },
} satisfies ExportedHandler<SeederEnv>

/** Stores a subject as if it had just consented to each bundle. */
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

/** Stores an access token of each subject in KV as the broker does. @returns a cookie of every `cookie_each`th */
async function storeTokens(env: SeederEnv, config: Config, filling: Filling): Promise<string[]> {
  const { from, count, client, bundle, access_token, expires_in, copy_to, cookie_each } = filling
  const scopes = config.bundles.get(bundle)?.scopes
  if (!scopes) throw new TypeError(`there is no bundle ${bundle}`)
  const scope_set_key = await scopeSetKey(scopes)
  const store = async (index: number): Promise<string> => {
    const sub = `stored-${index}`
    const subject = await config.pseudonyms.subjectKey({ client, iss: config.issuer, sub })
    const [id, at] = [randomId(), now()]
    const token: AccessToken = {
      ...{ v: 1, access_token, scope: scopes.join(' '), generation: randomId() },
      expires_at: at + expires_in,
      sessions: [[id, Math.floor(at)]],
    }
    const key = tokenKey(subject, scope_set_key)
    const value = await seal(config.keyring, { kind: ACCESS_TOKEN, at: key }, token)
    await env.TOKENS.put(key, value, { expiration: Math.floor(token.expires_at) })
    if (index === 0) await env.BARE.put(copy_to, value)
    const exp = at + config.session_ttl_seconds
    return cookieOf(await sealSession(config, { id, client, sub, subject, exp }))
  }
  const cookies = await Promise.all(
    Array.from({ length: count }, (_, index) => store(from + index)),
  )
  return cookies.filter((_, index) => (from + index) % cookie_each === 0)
}

function cookieOf(set_cookie: string): string {
  return set_cookie.split(';')[0] ?? ''
}
