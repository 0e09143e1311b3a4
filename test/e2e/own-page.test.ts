/** `npm start` for a page of one's own: the clients that it serves, and what it prints. */

import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WRANGLER_TOML } from '../../src/tools/command-line.ts'
import { ADA, chooseAccount, launchChromium, openContext } from './support/chromium.ts'
import { openPopup } from './support/stage.ts'
import { findPlace, type Place, type Run, start, startReady } from './support/start.ts'

const CONFIGURED = `
[vars.BUNDLES.lost]
scopes = ["photoslibrary.readonly.appcreateddata"]
reason = "Show what nobody can create"

[vars.CLIENTS.demo]
origins = ["https://demo.example"]

[vars.CLIENTS.web]
origins = ["https://app.example", "http://localhost:5173"]

[vars.CLIENTS.gallery]
origins = ["http://127.0.0.1:5173"]
redirect_uris = ["http://127.0.0.1:5173/back"]
bundles = ["pick"]
`

const PKCE = 'x'.repeat(43)

let place: Place
let run: Run

beforeAll(async () => {
  place = await findPlace()
  place.config = join(place.home, 'wrangler.toml')
  await writeFile(place.config, (await readFile(WRANGLER_TOML, 'utf8')) + CONFIGURED)
  run = await startReady(place)
})

afterAll(async () => {
  run?.signal('SIGTERM')
  await run?.ended
  await rm(place.home, { recursive: true })
})

/** How an authorization request is answered: 200, the approval page; or 400, since the redirect URI is unknown. */
async function authorize(client_id: string, redirect_uri: string): Promise<number> {
  const query = {
    ...{ client_id, redirect_uri, response_type: 'code', scope: 'pick' },
    ...{ code_challenge: PKCE, code_challenge_method: 'S256', dpop_jkt: PKCE },
  }
  const url = `${run.url}/authorize?${new URLSearchParams(query)}`
  return (await fetch(url, { redirect: 'manual' })).status
}

/** The origin that may read an answer, and whether with cookies. */
async function readable(Origin: string): Promise<unknown[]> {
  const { headers } = await fetch(`${run.url}/bundles`, { headers: { Origin } })
  return ['Access-Control-Allow-Origin', 'Access-Control-Allow-Credentials'].map((name) =>
    headers.get(name),
  )
}

it('serves any page of this machine as the client local', async () => {
  for (const page of [
    'http://localhost:3000/',
    'http://127.0.0.1:4000/a/b?c=d',
    'http://localhost/',
  ])
    expect(await authorize('local', page), page).toBe(200)
  expect(await readable('http://127.0.0.1:4000')).toEqual(['http://127.0.0.1:4000', null])
  expect(run.output()).toContain('as the client "local"')
})

it('connects a page of one’s own on any port, and hands it a token', async () => {
  const body = `<!doctype html><button>Connect</button><output></output><script type="module">
    import { createBroker } from '${run.url}/client.js'
    const broker = createBroker({ url: '${run.url}', client: 'local' })
    const show = (text) => { document.querySelector('output').textContent = text }
    document.querySelector('button').onclick = () => broker.connect('pick')
      .then(() => broker.token('pick')).then(() => show('ok'), ({ message }) => show(message))
  </script>`
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' }).end(body)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const chromium = await launchChromium()
  const page = await (await openContext(chromium)).newPage()
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mine.html`)
  const popup = await openPopup(page, 'Connect')
  await chooseAccount(popup, ADA)
  await popup.getByRole('button', { name: 'Continue' }).click()
  await page.locator('output', { hasText: /^ok$/ }).waitFor()
  await chromium.close()
  server.closeAllConnections()
  server.close()
})

it('serves the clients of wrangler.toml at their own origins', async () => {
  expect(await authorize('gallery', 'http://127.0.0.1:5173/back')).toBe(200)
  expect(await authorize('gallery', 'http://127.0.0.1:5174/back')).toBe(400)
  await run.prints('[client gallery]') // and not in the middle of the next test
  expect(await readable('http://localhost:5173')).toEqual(['http://localhost:5173', 'true'])
  expect(await readable('https://app.example')).toEqual(['https://app.example', 'true'])
})

it('prints each refusal and warning in one plain line, and nothing else', async () => {
  const before = run.output().length
  expect(await authorize('gallery', 'http://127.0.0.1:5174/lost')).toBe(400)
  const headers = { Origin: 'http://localhost:4999', 'Content-Type': 'application/json' }
  expect((await fetch(`${run.url}/session/token`, { method: 'POST', headers })).status).toBe(403)
  await run.prints('[origin http://localhost:4999]')
  const lines = run.output().slice(before).trim().split('\n')
  expect(lines).toEqual([
    expect.stringMatching(
      /^broker \| \/authorize refused: invalid_request \(redirect_uri_unknown\)\..* \[client gallery\]$/,
    ),
    expect.stringMatching(
      /^broker \| \/session\/token refused: access_denied \(origin_of_other_mode\)\. /,
    ),
  ])
  expect(run.output()).toContain('broker | warning: BUNDLES.lost: ')
  expect(run.output()).not.toContain('{"at"')
})

it('sets cookies that Safari keeps over http, and no HSTS for all ports of this machine', async () => {
  const url = `${run.url}/connect?bundle=pick&client=demo&return_to=/`
  const { headers, status } = await fetch(url, { redirect: 'manual' })
  expect(status).toBe(303)
  expect(headers.getSetCookie()).toEqual([
    expect.stringMatching(
      `^ptb-${place.port}-pending-[\\w-]{16}=[\\w.-]+; Max-Age=600; Path=/; HttpOnly; SameSite=Lax$`,
    ),
  ])
  expect(headers.get('Strict-Transport-Security')).toBeNull()
})

it('keeps its own demo clients, and names each client that it leaves out', async () => {
  expect(run.output()).toContain(
    'Your client demo is left out: npm start has a client of that name.',
  )
  expect(await readable(run.url)).toEqual([run.url, 'true'])
  expect(await readable('https://demo.example')).toEqual([null, null])
})

it('takes CLIENTS and BUNDLES of .dev.vars instead, and names what is no table', async () => {
  run.signal('SIGTERM')
  await run.ended
  const clients = { app: { origins: ['http://localhost:5173'] }, web: { origins: [run.elsewhere] } }
  const bundles = { read: { scopes: ['photospicker.mediaitems.readonly'], reason: 'Read' } }
  const vars = join(place.home, '.dev.vars')
  await writeFile(
    vars,
    `CLIENTS=${JSON.stringify(clients)}\nBUNDLES='${JSON.stringify(bundles)}'\n`,
  )
  run = await startReady(place)
  expect(await readable('http://localhost:5173')).toEqual(['http://localhost:5173', 'true'])
  expect(await readable('https://app.example')).toEqual([null, null])
  expect(run.output()).toContain(
    'Your client web is left out: the client elsewhere of npm start has its origin.',
  )
  const body = (await (await fetch(`${run.url}/bundles`)).json()) as { bundles: { name: string }[] }
  expect(body.bundles.map(({ name }) => name)).toEqual(['read'])

  run.signal('SIGTERM')
  await run.ended
  await writeFile(vars, 'CLIENTS={"app":\n')
  run = start(place)
  expect(await run.ended).toBe(1)
  expect(run.output()).toContain('CLIENTS of .dev.vars is no table and no JSON of one. Write ')
})
