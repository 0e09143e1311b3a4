/** Apps that are built from the npm package, and pages without a build step, in Chromium: the recipes of the SDK. */

import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { ADA, answer, chooseAccount, openContext } from './support/chromium.ts'
import { connectAndPick, replaceOnce } from './support/documented-pages.ts'
import { install, pack, program, runNode, serveFolder } from './support/package-install.ts'
import { openPopup, stage, useStage } from './support/stage.ts'

const README = new URL('../../src/client/README.md', import.meta.url)

let folder: string
let packed: Promise<string>
/** The app with the recipes. */
let app: string
/** Its origin. */
let origin: string
/** What the browser complained about. */
const complaints: string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(inject('homes'), 'package-'))
  packed = pack(folder) // while the stage is set up
})
afterEach(() => expect(complaints.splice(0)).toEqual([])) // after the stage is cleared
useStage()
beforeAll(async () => {
  app = await install(folder, 'package-app', await packed, stage.url)
  await runNode(app, program('vite/bin/vite.js'), 'build', '--logLevel', 'warn').then(silent)
  const served = await serveFolder(join(app, 'dist'))
  origin = served.origin
})

/** Opens a page; what it complains about fails the test. */
async function open(url: string): Promise<Page> {
  const context = await openContext(stage.chromium)
  context.on('weberror', (event) => complaints.push(String(event.error())))
  const page = await context.newPage()
  page.on('console', (message) => {
    const isNonce = message.text().includes('400 (Bad Request)') // use_dpop_nonce: it is sent again
    if (['error', 'warning'].includes(message.type()) && !isNonce) complaints.push(message.text())
  })
  await page.goto(url)
  return page
}

function silent(printed: string): void {
  expect(printed.replace(/.*no Svelte config found.*\n/, '')).toBe('')
}

describe('the recipes', () => {
  it.each([
    ['React', 'app.tsx'],
    ['Vue', 'app.vue'],
    ['Svelte', 'app.svelte'],
  ])('for %s is the file that the tests run', async (framework, file) => {
    const [, section] = (await readFile(README, 'utf8')).split(`\n### ${framework}\n`)
    const source = new URL(`support/package-app/src/${file}`, import.meta.url)
    expect(/^```\w+\n(.*?)^```$/ms.exec(section ?? '')?.[1]).toBe(await readFile(source, 'utf8'))
  })

  it.each(['react', 'vue', 'svelte'])('in %s connects, picks and shows photos', async (name) => {
    await connectAndPick(await open(`${origin}/${name}.html`), 'Choose photos')
  })

  it('in TypeScript has no type error', async () => {
    silent(await runNode(app, program('typescript/bin/tsc'), '-p', '.'))
  })

  it('in React goes on in the browser from what a server has rendered', async () => {
    await build({
      absWorkingDir: app,
      entryPoints: ['src/server.tsx'],
      outfile: join(app, 'server.js'),
      ...{ bundle: true, platform: 'node', format: 'esm', packages: 'external', jsx: 'automatic' },
    })
    const html = (await runNode(app, 'server.js')).trim()
    expect(html).toMatch(/^<main><button type="button" disabled="">Connect<\/button>/)
    const page = await readFile(join(app, 'dist/react.html'), 'utf8')
    const place = '<div id="app">'
    await writeFile(join(app, 'dist/rendered.html'), replaceOnce(page, place, place + html))
    await connectAndPick(await open(`${origin}/rendered.html`), 'Choose photos')
  })
})

describe('without a bundler, under a strict Content Security Policy', () => {
  /** The policy of the documentation, with the addresses of this machine. */
  async function readPolicy(): Promise<string> {
    const policy = /^```\n(default-src .*?)^```$/ms.exec(await readFile(README, 'utf8'))?.[1] ?? ''
    return policy
      .replaceAll('\n', ' ')
      .replaceAll('https://broker.example.com', stage.url)
      .replace(/https:\/\/photos\w+\.googleapis\.com/g, stage.simulator)
  }

  it.each(['the broker', 'the page'])('shows photos, with the modules of %s', async (of) => {
    const site = await install(folder, 'package-page', await packed, stage.url)
    let policy = await readPolicy()
    expect(policy).toMatch(/^default-src 'none'; script-src 'self' http:\S+; img-src /)
    if (of === 'the page') {
      policy = replaceOnce(policy, `'self' ${stage.url}`, "'self'")
      const modules = join(site, 'node_modules/photos-token-broker')
      const script = join(site, 'page.js')
      let text = await readFile(script, 'utf8')
      for (const name of ['client.js', 'photos.js']) {
        await cp(join(modules, name), join(site, name))
        text = replaceOnce(text, `${stage.url}/${name}`, `/${name}`)
      }
      await writeFile(script, text)
    }
    const served = await serveFolder(site, { 'Content-Security-Policy': policy })
    await connectAndPick(await open(`${served.origin}/index.html`), 'Choose photos')
  })
})

describe('the hooks for React, in strict mode', () => {
  const says = (page: Page, name: string, text: string): Promise<void> =>
    page
      .getByLabel(name, { exact: true })
      .filter({ hasText: new RegExp(`^${text}$`) })
      .waitFor()

  async function connect(page: Page): Promise<void> {
    const popup = await openPopup(page, 'Connect')
    await chooseAccount(popup, ADA)
    await answer(popup, 'Continue')
  }

  it('give one broker, and one request for the session, to all components', async () => {
    const context = await openContext(stage.chromium)
    const page = await context.newPage()
    const asked: string[] = []
    page.on('request', (request) => {
      if (request.url().includes('/session')) asked.push(request.method())
    })
    await page.goto(`${origin}/hooks.html`)
    await says(page, 'first', 'nobody')
    await connect(page)
    await says(page, 'first', 'somebody')
    await says(page, 'second', 'somebody')
    expect(asked).toEqual(['GET'])
    expect(await page.evaluate('brokers.size')).toBe(1)
  })

  it('keep the session current, also when it ends in another tab', async () => {
    const page = await open(`${origin}/hooks.html`)
    await says(page, 'first', 'nobody')
    await connect(page)
    await says(page, 'first', 'somebody')
    const tab = await page.context().newPage()
    await tab.goto(page.url())
    await says(tab, 'first', 'somebody')
    await tab.evaluate('[...brokers][0].signOut()')
    await says(page, 'first', 'nobody')
    await says(page, 'second', 'nobody')
  })
})
