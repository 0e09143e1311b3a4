/** This file is who fills the storage before a run: with the broker's own functions, so that what is planted is what it would have written. */

import { now } from '../../../src/clock.ts'
import { type Config, readConfig } from '../../../src/config.ts'
import { randomId } from '../../../src/crypto/digest.ts'
import { scopeSetKey } from '../../../src/subject/grants.ts'
import { tokenKey, writeToken } from '../../../src/subject/store.ts'
import { sealHandle } from '../../../src/session/handles.ts'
import { sealSession } from '../../../src/session/session.ts'
import type { Subject } from '../../../src/subject/subject.ts'
import type { Filling, Planted, Planting } from '../planting.ts'

/** Plants `POST /subject`, a subject with its grants and a session; `POST /records`, many access tokens and nothing else. */
export default {
  async fetch(request, env) {
    const { config } = readConfig(env)
    const body: unknown = await request.json()
    return new URL(request.url).pathname === '/subject'
      ? Response.json(await plantSubject(env, config, body as Planting))
      : Response.json(await plantRecords(env, config, body as Filling))
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
    const consent = { sub, asked: scope, tokens, began_at: now() }
    const accepted = await stub.accept({ ...consent, begins_session: name === bundles[0] })
    if (!accepted.ok || !('result' in accepted.value) || accepted.value.result !== 'ok')
      throw new Error(`the subject did not accept ${name}`)
    if ('session' in accepted.value) id = accepted.value.session?.id ?? id
  }
  const session = { id, client, sub, subject, exp: now() + config.session_ttl_seconds }
  const [first = ''] = bundles
  if (jkt === undefined) return { cookie: cookieOf(await sealSession(config, session)) }
  const bound = { ...session, jkt, bundle: first }
  return { refresh_token: await sealHandle(config, 'refresh', bound) }
}

/** One access token each, as the edge finds it; a cookie for every `cookie_each`th. */
async function plantRecords(
  env: Env,
  config: Config,
  { from, count, client, bundle, access_token, expires_in, cookie_each }: Filling,
): Promise<string[]> {
  const scopes = config.bundles.get(bundle)?.scopes ?? []
  const key = await scopeSetKey(scopes)
  const plant = async (index: number): Promise<string[]> => {
    const sub = `stored-${index}`
    const subject = await config.pseudonyms.subjectKey({ client, iss: config.issuer, sub })
    const [id, at] = [randomId(), now()]
    const token = {
      v: 1 as const,
      access_token,
      scope: scopes.join(' '),
      expires_at: at + expires_in,
      generation: randomId(),
      sessions: [[id, Math.floor(at)]] as const,
    }
    await writeToken(env.TOKENS, config.keyring, tokenKey(subject, key), token, at)
    if (index % cookie_each !== 0) return []
    const exp = at + config.session_ttl_seconds
    return [cookieOf(await sealSession(config, { id, client, sub, subject, exp }))]
  }
  const indexes = Array.from({ length: count }, (_, index) => from + index)
  return (await Promise.all(indexes.map(plant))).flat()
}

function cookieOf(set_cookie: string): string {
  return set_cookie.split(';')[0] ?? ''
}
