/** `npm start`: its ports, its secrets and how it stops. */

import { once } from 'node:events'
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findPlace, type Place, type Run, start, startReady } from './support/start.ts'

let place: Place
let running: Run | undefined
let neighbour: Server | undefined

beforeEach(async () => {
  place = await findPlace()
})

afterEach(async () => {
  running?.signal('SIGTERM')
  await running?.ended
  neighbour?.close()
  await rm(place.home, { recursive: true })
  running = neighbour = undefined
})

describe('npm start', () => {
  it.each([
    { name: 'broker', member: 'port', option: '--port' },
    { name: 'other site', member: 'elsewhere_port', option: '--elsewhere-port' },
  ] as const)(
    'starts nothing when the port of the $name is taken, and names an option',
    async ({ name, member, option }) => {
      const port = place[member]
      neighbour = createServer().listen(port, '127.0.0.1')
      await once(neighbour, 'listening')
      running = start(place)
      expect(await running.ended).toBe(1)
      expect(running.output()).toContain(`Port ${port}, where the ${name} should answer, is taken`)
      expect(running.output()).toContain(`npm start -- ${option} ${port + 100}`)
      expect(running.output()).not.toContain('Starting')
    },
  )

  it('refuses one port for two servers', async () => {
    running = start({ ...place, elsewhere_port: place.port })
    expect(await running.ended).toBe(2)
    expect(running.output()).toContain('need a port each')
  })

  it('makes secrets once, in a file for this user only, and serves each page at its own address', async () => {
    const file = join(place.home, '.dev.vars')
    await writeFile(file, '# mine\nOTHER="stays"')
    await chmod(file, 0o644)
    running = await startReady(place)
    const { elsewhere, output, url } = running
    const secrets = await readFile(file, 'utf8')
    expect(secrets).toMatch(
      /^# mine\nOTHER="stays"\nENCRYPTION_KEYS=dev:[\w-]{43}\nPSEUDONYM_KEY=[\w-]{43}\n$/,
    )
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(output()).toContain('Made ENCRYPTION_KEYS and PSEUDONYM_KEY in')
    expect(output()).toContain(`Other site   ${elsewhere}`)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    const page = await fetch(elsewhere)
    expect(page.headers.get('Content-Security-Policy')).toContain(`connect-src ${url} `)
    expect(await page.text()).toContain(`data-broker="${url}"`)
    const answers = [
      await fetch(`http://127.0.0.1:${place.port}/`, { redirect: 'manual' }),
      await fetch(`http://localhost:${place.elsewhere_port}/`, { redirect: 'manual' }),
      await fetch(`${elsewhere}/oauth4webapi.js`),
      await fetch(`${elsewhere}/..%2f..%2fpackage.json`),
      await fetch(`${elsewhere}/library.html`),
      await fetch(elsewhere, { method: 'POST' }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([302, 302, 200, 404, 404, 405])
    expect(answers[0]?.headers.get('Location')).toBe(`${url}/`)
    expect(answers[1]?.headers.get('Location')).toBe(`${elsewhere}/`)
    await endsCleanly(running, 'SIGINT')

    running = start(place)
    await running.prints('Starting')
    expect(await readFile(file, 'utf8')).toBe(secrets)
    expect(running.output()).not.toContain('Made')
    await endsCleanly(running, 'SIGTERM')
  })

  it('with a real client, names the redirect URI, runs no simulator, and ends when the broker ends', async () => {
    await writeFile(
      join(place.home, '.dev.vars'),
      'GOOGLE_CLIENT_ID=some.apps.googleusercontent.com\nGOOGLE_CLIENT_SECRET=made-up\n',
    )
    running = await startReady(place)
    expect(running.output()).toContain(`${running.url}/callback`)
    expect(running.output()).not.toContain('made-up')
    await expect(fetch(running.simulator)).rejects.toThrow()
    const policy = (await fetch(running.url)).headers.get('Content-Security-Policy')
    expect(policy).toContain('https://photospicker.googleapis.com')
    const page = await (await fetch(running.elsewhere)).text()
    expect(page).toContain('This is the real Google')
    process.kill(await childOf(running.pid), 'SIGKILL')
    expect(await running.ended).toBe(1)
    expect(running.output()).toMatch(/The broker ended by itself/)
    await portsAreFree()
  })

  it('with half a client, names what is missing', async () => {
    await writeFile(join(place.home, '.dev.vars'), 'GOOGLE_CLIENT_SECRET=made-up\n')
    running = start(place)
    expect(await running.ended).toBe(1)
    expect(running.output()).toContain('only one of GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET')
  })

  it('prints why the broker rejects its configuration, and ends', async () => {
    await writeFile(join(place.home, '.dev.vars'), 'ENCRYPTION_KEYS=dev:too-short\n')
    running = start(place)
    expect(await running.ended).toBe(1)
    expect(running.output()).toContain(
      'broker | the configuration is faulty:\nbroker | ENCRYPTION_KEYS: ',
    )
    expect(running.output()).not.toContain('{"at"')
    expect(running.output()).toContain('The broker runs but cannot work; its log above says why.')
    await portsAreFree()
  })
})

async function endsCleanly(run: Run, signal: NodeJS.Signals): Promise<void> {
  run.signal(signal)
  expect(await run.ended).toBe(0)
  expect(run.output()).not.toMatch(/^\s+at /m)
  await portsAreFree()
}

async function portsAreFree(): Promise<void> {
  for (const port of [place.port, place.simulator_port, place.elsewhere_port]) {
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    await once(server.close(), 'close')
  }
}

/** The first child of a process. */
async function childOf(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return Number(children.split(' ')[0])
}
