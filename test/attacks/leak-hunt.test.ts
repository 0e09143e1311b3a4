/** Every secret goes through every error path; then all outputs are searched for it (TMB-75, TMB-45, TMB-52, TMB-57). */

import { env } from 'cloudflare:workers'
import { beforeEach, expect, it, vi } from 'vitest'
import { ALBUM_CLIENT, type AppIssuer, EXCHANGE, openIssuer } from '../support/app-issuer.ts'
import { ask, subjectOf, the } from '../support/broker.ts'
import { gallery, openFrontend } from '../support/frontend.ts'
import { configureAuthMethods, talk } from '../support/grant-user.ts'
import { intercept, register } from '../support/internet.ts'
import { type Hunt, hunt, type Kind, type Sink } from '../support/leaks.ts'
import { askMedia, LH3, openTicket } from '../support/media.ts'
import { everywhere, SABOTAGE } from '../support/sabotage.ts'
import { BEN, GOOGLE, type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import { alarm, later, stage } from '../support/story.ts'
import { hostileKv, witnessAll } from '../support/worker.ts'

stage()

/** Each test makes about 800 requests, and searches all outputs for each secret. */
vi.setConfig({ testTimeout: 60_000 })

const MEDIA_URL = `${LH3}/media/canary-media-url=w64-h48`

let google: SimulatedGoogle
let issuer: AppIssuer
let hunted: Hunt
/** How Google misbehaves now: its answer repeats what it was sent. */
let sabotage: ((sent: string) => Response) | undefined

beforeEach(async () => {
  configureAuthMethods()
  google = simulateGoogle()
  issuer = await openIssuer()
  sabotage = undefined
  register('https://lh3.googleusercontent.com', async (request) => google.simulator.fetch(request))
  intercept(async (request, next) => {
    if (!sabotage || /certs|keys|well-known/.test(request.url)) return next(request)
    const sent = [request.url, ...[...request.headers].flat(), await request.text()]
    return sabotage(sent.join(' '))
  })
  hunted = hunt()
  hunted.keep('user', the.sub, BEN, 'ada@example.com', 'ben.okafor@example.com')
  return () => witnessAll()
})

async function sabotaged(work: () => Promise<unknown>): Promise<void> {
  for (const way of SABOTAGE) {
    sabotage = way
    await work()
    later(301)
  }
  sabotage = undefined
}

function expectNoLeak(kinds: readonly Kind[], sinks: readonly Sink[]): void {
  for (const kind of kinds) expect([kind, hunted.count(kind)]).not.toEqual([kind, 0])
  for (const sink of sinks) expect([sink, hunted.seen(sink)]).not.toEqual([sink, 0])
  expect(hunted.leaks()).toEqual([])
}

it('cookie mode: no failure puts a secret into a log, error, redirect, page, KV or object', async () => {
  const browser = google.browse()
  const { stub } = await subjectOf(the.sub, 'web')
  await google.connect(browser, 'pick', { query: '&client=web' })
  const first = await ask(browser)
  expect(first.status).toBe(200)
  const tickets = await askMedia(browser, [MEDIA_URL])
  const [{ url: ticket = '' } = { url: '' }] = tickets.body.media
  await openTicket(ticket)
  await hunted.lookAtStorage(stub)
  for (const secret of [first.body.access_token, ticket.split('=')[1] ?? '', MEDIA_URL])
    await everywhere(secret, browser)

  for (const [, value] of browser.jar.get('broker.example') ?? []) await everywhere(value, browser)
  const popup = await google.start(browser, 'upload', '&client=web&display=popup')
  const callback = await google.consent(popup)
  for (const change of ['state', 'code', 'iss'])
    await browser.fetch(`${callback}&${change}=${callback.searchParams.get('code')}`)
  await browser.fetch(callback, { headers: { 'Sec-Purpose': 'prefetch' } })
  await google.browse().visit(callback, { headers: { Accept: 'text/html' } })
  await browser.visit(callback)
  await browser.visit(callback)
  await sabotaged(async () => {
    const back = await google.consent(await google.start(browser, 'album', '&client=web'))
    await browser.visit(back)
  })
  later(3600)
  await sabotaged(async () => ask(browser, { bundle: 'upload' }))
  await sabotaged(async () => openTicket(ticket))
  await google.connect(browser, 'pick', { query: '&client=web' })
  await hunted.lookAtStorage(stub)
  await browser.call('DELETE', `${the.url}/session`)
  await google.connect(browser, 'pick', { query: '&client=web' })
  await sabotaged(async () => {
    await browser.call('DELETE', `${the.url}/grants`)
    await alarm(stub)
    await hunted.lookAtStorage(stub)
    sabotage = undefined
    later(5)
    await google.connect(browser, 'pick', { query: '&client=web' })
  })
  expectNoLeak(
    [
      ...(['google access token', 'google refresh token', 'google id token'] as const),
      ...(['google code', 'google state', 'google verifier', 'client secret'] as const),
      ...(['key', 'cookie', 'ticket', 'media URL', 'user'] as const),
    ],
    [
      ...(['log', 'error', 'redirect to Google', 'redirect back', 'page'] as const),
      ...(['answer', 'cookie', 'header', 'storage', 'outbound URL'] as const),
    ],
  )
})

it('OAuth mode: no failure puts a secret into a log, error, redirect, page, KV or object', async () => {
  const frontend = await openFrontend()
  const { stub } = await subjectOf(the.sub, gallery.id)
  const browser = google.browse()
  const back = await frontend.consent(google, browser, 'pick')
  const code = back.searchParams.get('code') ?? ''
  await hunted.lookAtStorage(stub)
  await frontend.redeem(code, { code_verifier: 'x'.repeat(43) })
  await frontend.redeem(code, {}, { proof: { claims: { htm: 'GET' } } })
  await (await openFrontend()).redeem(code, { code_verifier: frontend.code_verifier })
  const redeemed = await frontend.redeem(code)
  expect(redeemed.status).toBe(200)
  frontend.refresh_token = redeemed.body.refresh_token ?? ''
  await everywhere(code, browser)
  await everywhere(frontend.refresh_token, browser)
  await frontend.ask('pick', { refresh_token: `${frontend.refresh_token}x` })
  const { access_token } = (await frontend.ask('broker')).body
  await everywhere(access_token, browser)
  await everywhere(await frontend.prove(), browser)
  await everywhere(frontend.code_verifier, browser)
  const json = { bundle: 'pick', urls: [MEDIA_URL] }
  const issued = await frontend.call<{ media: { url: string }[] }>('POST', '/media', { json })
  for (const { url } of issued.body.media) await openTicket(url)
  await frontend.consent(google, browser, 'upload', {
    parameters: { response_mode: 'web_message' },
  })
  await frontend.consent(google, browser, 'upload', { cancel: true })
  await sabotaged(async () => frontend.consent(google, google.browse(), 'album').catch(() => {}))
  later(3600)
  await sabotaged(async () => frontend.ask('pick'))
  await frontend.connect(google, 'pick')
  await frontend.redeem(code)
  await frontend.connect(google, 'pick')
  await hunted.lookAtStorage(stub)
  await sabotaged(async () => {
    await frontend.call('DELETE', '/grants')
    await alarm(stub)
    await hunted.lookAtStorage(stub)
    sabotage = undefined
    later(5)
    await frontend.connect(google, 'pick')
  })
  await frontend.post('/revoke', { token: frontend.refresh_token, client_id: gallery.id })
  expectNoLeak(
    [
      ...(['google access token', 'google refresh token', 'google code', 'code'] as const),
      ...(['verifier', 'proof', 'broker token', 'ticket', 'cookie'] as const),
    ],
    ['log', 'error', 'redirect to Google', 'redirect back', 'page', 'answer', 'header', 'storage'],
  )
})

it('app users: no failure puts a JWT or a pushed request into a log, error, page, KV or object', async () => {
  const frontend = await openFrontend(talk)
  const user = 'canary-user@talk.example'
  hunted.keep('user', user)
  const { stub } = await subjectOf(user, talk.id, ALBUM_CLIENT.issuer)
  const jwt = await issuer.jwt(user)
  const bearer = { proof: null, headers: { Authorization: `Bearer ${jwt}` } }
  const { searchParams } = await frontend.authorizeUrl('pick', { dpop_jkt: undefined })
  const push = async () =>
    frontend.post<{ request_uri: string }>('/par', Object.fromEntries(searchParams), bearer)
  const { request_uri } = (await push()).body
  const query = new URLSearchParams({ client_id: talk.id, request_uri })
  const browser = google.browse()
  const isAway = ({ origin }: URL): boolean => origin !== the.url
  const crossSite = { headers: { 'Sec-Fetch-Site': 'cross-site' } }
  browser.approves = false
  await browser.visit(`${the.url}/authorize?${query}`, crossSite, isAway)
  browser.approves = true
  const start = await browser.visit(`${the.url}/authorize?${query}`, {}, isAway)
  await browser.visit(`${the.url}/authorize?${query}`, {}, isAway)
  const back = await browser.visit(await google.consent(start.url), {}, isAway)
  const code = back.url.searchParams.get('code') ?? ''
  await hunted.lookAtStorage(stub)
  await frontend.redeem(code)
  expect((await frontend.redeem(code, {}, bearer)).status).toBe(200)
  for (const secret of [jwt, request_uri]) await everywhere(secret, browser)
  const exchange = async (subject_token: string) =>
    frontend.post('/token', { ...EXCHANGE, subject_token, scope: 'pick' }, { proof: null })
  expect((await exchange(jwt)).status).toBe(200)
  await exchange(`${jwt}x`)
  await exchange(await issuer.jwt(user, { claims: { aud: 'other' } }))
  await exchange(await issuer.jwt(user, { header: { kid: 'canary-kid' } }))
  issuer.answer = () => new Response(jwt, { status: 500 })
  later(3600)
  await exchange(await issuer.jwt(user, { header: { kid: 'k2' } }))
  await sabotaged(async () => exchange(await issuer.jwt(user)))
  await hunted.lookAtStorage(stub)
  expectNoLeak(
    ['credential', 'request_uri', 'google access token', 'google refresh token', 'user', 'key'],
    ['log', 'error', 'redirect to Google', 'redirect back', 'page', 'answer', 'storage'],
  )
})

it('errors of KV and objects that repeat their input do not leak it', async () => {
  const browser = google.browse()
  await google.connect(browser, 'pick', { query: '&client=web' })
  const failingWith =
    (what: string) =>
    async (...given: unknown[]) => {
      throw new Error(`${what} failed: ${JSON.stringify(given)}`)
    }
  configureAuthMethods({
    TOKENS: { get: failingWith('get'), put: failingWith('put'), delete: failingWith('delete') },
  })
  await ask(browser)
  const { sub: _sub, ...session } = (await ask(browser)).body as object & { sub?: string }
  expect(session).toHaveProperty('access_token')
  const names = [
    'issueToken',
    'describeScopes',
    'beginConsent',
    'acceptConsent',
    'forgetGrant',
    'disconnect',
  ]
  const stub = Object.fromEntries(names.map((name) => [name, failingWith(name)]))
  configureAuthMethods({ SUBJECTS: { getByName: () => stub } })
  for (const path of ['/session', '/grants', '/grants/pick'])
    await browser.call(path === '/session' ? 'GET' : 'DELETE', the.url + path)
  await ask(browser, { bundle: 'upload' })
  const at = `${the.url}/connect?bundle=pick&return_to=/app&client=web`
  const isGoogle = ({ origin }: URL): boolean => origin === GOOGLE
  await browser.visit(at, { headers: { Accept: 'text/html' } }, isGoogle)
  const strangers = google.browse()
  const start = await strangers.visit(at, {}, isGoogle)
  await strangers.visit(await google.consent(start.url))
  const { SUBJECTS } = env
  configureAuthMethods({ SUBJECTS })
  hostileKv.down = { reads: false, writes: false }
  expectNoLeak(
    ['google access token', 'google refresh token', 'cookie'],
    ['log', 'error', 'header'],
  )
})
