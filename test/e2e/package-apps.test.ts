/** Apps that are built from the npm package, and pages without a build step, in Chromium: the recipes of the SDK. */

import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import {
  ADA,
  answer,
  BEN,
  CHIARA,
  chooseAccount,
  openContext,
  pickPhotos,
} from './support/chromium.ts'
import { replaceOnce } from './support/documented-pages.ts'
import { install, pack, program, runNode, serveFolder } from './support/package-install.ts'
import { openPopup, stage, useStage } from './support/stage.ts'

const README = new URL('../../src/client/README.md', import.meta.url)

let folder: string
let packed: Promise<string>
/** The app with the recipes. */
let app: string
/** Its origin. */
let origin: string
/** What browsers and builds complained about. */
const complaints: string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(inject('homes'), 'package-'))
  packed = pack(folder) // while the stage is set up
})
afterEach(() => expect(complaints.splice(0)).toEqual([])) // after the stage is cleared
useStage()
beforeAll(async () => {
  app = await install(folder, 'package-app', await packed, stage.url)
  const printed = await runNode(app, program('vite/bin/vite.js'), 'build', '--logLevel', 'warn')
  expect(printed.replace(/.*no Svelte config found.*\n/, '')).toBe('')
  origin = await serveFolder(join(app, 'dist'))
})

/** Opens a page; what it complains about fails the test. */
async function open(url: string): Promise<Page> {
  const context = await openContext(stage.chromium)
  context.on('weberror', (event) => complaints.push(String(event.error())))
  context.on('console', (message) => {
    const isNonce = message.text().includes('400 (Bad Request)') // use_dpop_nonce: it is sent again
    const isEnded = message.location().url.includes('/v1/sessions/') // a poll that met the end of its pick
    if (['error', 'warning'].includes(message.type()) && !isNonce && !isEnded)
      complaints.push(message.text())
  })
  const page = await context.newPage()
  await page.goto(url)
  return page
}

async function connect(page: Page, person = ADA): Promise<void> {
  const popup = await openPopup(page, 'Connect')
  await chooseAccount(popup, person)
  await answer(popup, 'Continue')
}

/** Opens a page, connects, picks two photos and waits until both are shown. A person uses one page at a time. */
async function showPhotos(url: string, person: string, isOneClick = true): Promise<void> {
  const page = await open(url)
  if (!isOneClick) await connect(page, person)
  const popup = await openPopup(page, 'Choose photos')
  if (isOneClick) {
    await chooseAccount(popup, person)
    await popup.getByRole('button', { name: 'Continue' }).click()
    await popup.waitForURL('**/picker/**')
  }
  await pickPhotos(popup, 2)
  await page.waitForFunction(
    () => [...document.images].filter(({ naturalWidth }) => naturalWidth > 0).length === 2,
  )
  if (!isOneClick) return
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForFunction(() => document.images.length === 0)
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

  it('for React, Vue and Svelte show photos', async () => {
    await Promise.all([
      showPhotos(`${origin}/react.html`, ADA),
      showPhotos(`${origin}/vue.html`, BEN),
      showPhotos(`${origin}/svelte.html`, CHIARA),
    ])
  })

  it('for React has no type error', async () => {
    expect(await runNode(app, program('typescript/bin/tsc'), '-p', '.')).toBe('')
  })
})

describe('pages of other kinds', () => {
  it('show photos: rendered by a server in React; under a strict CSP with modules of the broker or the package', async () => {
    const policy = await readPolicy()
    const strictest = replaceOnce(policy, `script-src 'self' ${stage.url};`, "script-src 'self';")
    const [plain, copied] = await Promise.all([
      install(folder, 'package-page', await packed, stage.url),
      installWithModules(),
    ])
    await renderOnServer('rendered.html')
    await Promise.all([
      showPhotos(`${origin}/rendered.html`, ADA),
      showPhotos(await serveWith(policy, plain), BEN, false),
      showPhotos(await serveWith(strictest, copied), CHIARA, false),
    ])
  })

  /** Renders the React recipe in Node, into a page of the app. */
  async function renderOnServer(name: string): Promise<void> {
    await build({
      absWorkingDir: app,
      entryPoints: ['src/server.tsx'],
      outfile: join(app, 'server.js'),
      ...{ bundle: true, platform: 'node', format: 'esm', packages: 'external', jsx: 'automatic' },
    })
    const html = (await runNode(app, 'server.js')).trim()
    expect(html).toMatch(/^<main><button type="button">Choose photos<\/button><p /)
    const page = await readFile(join(app, 'dist/react.html'), 'utf8')
    const place = '<div id="app">'
    await writeFile(join(app, 'dist', name), replaceOnce(page, place, place + html))
  }

  /** Installs the page without a build step, with the modules of the package at its own site. @returns its folder */
  async function installWithModules(): Promise<string> {
    const site = await install(folder, 'package-page', await packed, stage.url)
    const script = join(site, 'page.js')
    let text = await readFile(script, 'utf8')
    for (const name of ['client.js', 'photos.js']) {
      await cp(join(site, 'node_modules/photos-token-broker', name), join(site, name))
      text = replaceOnce(text, `${stage.url}/${name}`, `/${name}`)
    }
    await writeFile(script, text)
    return site
  }

  /** The Content Security Policy of the documentation, with the addresses of this machine. */
  async function readPolicy(): Promise<string> {
    const policy = /^```\n(default-src .*?)^```$/ms.exec(await readFile(README, 'utf8'))?.[1] ?? ''
    return policy
      .replaceAll('\n', ' ')
      .replaceAll('https://broker.example.com', stage.url)
      .replace(/https:\/\/photos\w+\.googleapis\.com/g, stage.simulator)
  }

  async function serveWith(policy: string, site: string): Promise<string> {
    return `${await serveFolder(site, { 'Content-Security-Policy': policy })}/index.html`
  }
})

describe('the hooks for React, in strict mode', () => {
  const says = (page: Page, name: string, text: string): Promise<void> =>
    page
      .getByLabel(name, { exact: true })
      .filter({ hasText: new RegExp(`^${text}$`) })
      .waitFor()

  it('give all components one broker and one session, which is current', async () => {
    const page = await open('about:blank')
    const asked: string[] = []
    page.on('request', (request) => {
      if (request.url().includes('/session')) asked.push(request.method())
    })
    await page.goto(`${origin}/hooks.html`)
    await says(page, 'first', 'nobody')
    expect(await page.evaluate('brokers.size')).toBe(1)
    await connect(page)
    await says(page, 'first', 'somebody')
    await says(page, 'second', 'somebody')
    expect(asked).toEqual(['GET'])

    const tab = await page.context().newPage()
    await tab.goto(page.url())
    await says(tab, 'first', 'somebody')
    await tab.evaluate('[...brokers][0].signOut()')
    await says(page, 'first', 'nobody')
    await says(page, 'second', 'nobody')
  })

  it('name the error of a consent without a popup, until the next change', async () => {
    const page = await open(`${origin}/hooks.html`)
    await says(page, 'first', 'nobody')
    await page.evaluate(() => Object.assign(window, { open: () => null }))
    await page.getByRole('button', { name: 'Connect' }).click()
    await chooseAccount(page, ADA)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await says(page, 'first', 'nobody, access_denied')
    await says(page, 'second', 'nobody, access_denied')
    await page.evaluate('[...brokers][0].signOut()')
    await says(page, 'first', 'nobody')
  })

  it('end a pick with the component, or with the next pick, without an error', async () => {
    const page = await open(`${origin}/hooks.html`)
    await connect(page)
    await says(page, 'first', 'somebody')
    const pick = async (name: string): Promise<Page> => {
      const picker = await openPopup(page, `Pick ${name}`)
      await picker.getByRole('checkbox').first().waitFor()
      await says(page, name, 'waiting')
      return picker
    }
    const showOrHide = () => page.getByRole('button', { name: 'Show or hide' }).click()
    const windows = [await pick('picker'), await pick('lasting')]
    const closed = windows.map((picker) => picker.waitForEvent('close'))
    await showOrHide()
    await Promise.all(closed)
    await showOrHide()
    await says(page, 'picker', '0 photos') // a new component
    await says(page, 'lasting', '0 photos') // the same one

    const ended = (await pick('picker')).waitForEvent('close')
    const second = await pick('picker')
    await ended
    await says(page, 'picker', 'waiting')
    await pickPhotos(second, 3)
    await says(page, 'picker', '3 photos')
    await (await pick('picker')).close()
    await says(page, 'picker', '3 photos, The window was closed before anything was chosen.')
  })
})
