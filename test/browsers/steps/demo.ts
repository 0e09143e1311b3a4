/** The demo page, in each mode: everything that a user can do on it. */

import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { holds, type Scene, type Step, type User } from '../step.ts'
import { Tab } from '../tab.ts'
import { type ConsentPage, consent, goToQuestion, pickTwo } from './google.ts'

/** The steps on the demo page. */
export const DEMO_STEPS: readonly Step[] = [
  {
    title: 'connects in a popup, and is connected after a reload',
    async run(scene) {
      const page = await openDemo(scene)
      const seen = await connect(page, 'pick', scene.user)
      const expected = scene.mode === 'oauth' ? 'approval, account, consent' : 'account, consent'
      holds(seen.join(', ') === expected, `the pages that came: ${seen.join(', ')}`)
      await page.shows('#notice', '“pick” is ready')
      await page.shows('#account', scene.user.sub)
      await page.goto(scene.servers.demoAt(scene.mode))
      await page.shows(card('pick'), 'You allowed this on')
    },
  },
  {
    title: 'asks the user of an app once for each browser',
    mode: 'oauth',
    async run(scene) {
      const page = await openDemo(scene)
      await connect(page, 'pick', scene.user)
      const seen = await connect(page, 'upload', scene.user)
      holds(!seen.includes('approval'), 'the broker asked again')
    },
  },
  {
    title: 'shows two picked photos, and one of them large',
    async run(scene) {
      const page = await openDemo(scene)
      await connect(page, 'pick', scene.user)
      await pickTwo(await page.opens(() => page.click(`${card('pick')} button`, 'Choose photos')))
      await page.shows('figcaption', '2 chosen')
      await page.until(`${WITH_PIXELS} === 2`)
      await page.click('.thumbnail')
      await page.until('(document.querySelector("dialog img")?.naturalWidth ?? 0) > 400')
      await page.click('dialog button', 'Close')
    },
  },
  {
    title: 'gets a token',
    async run(scene) {
      const page = await openDemo(scene)
      await connect(page, 'pick', scene.user)
      await page.click(`${card('pick')} button`, 'Get a token')
      await page.shows(card('pick'), 'A token of')
    },
  },
  {
    title: 'uploads a file and a painted picture into an album, and shows them',
    async run(scene) {
      const page = await openDemo(scene)
      await connect(page, 'album', scene.user)
      await page.chooseFile(`${card('album')} input[type=file]`, await pixel())
      await page.click(`${card('album')} button`, 'Upload')
      await page.shows(card('album'), 'Uploaded sea.png.')
      await page.click(`${card('album')} button`, 'Upload a painted picture')
      await page.shows(card('album'), 'Uploaded demo-')
      await page.until(`${WITH_PIXELS} >= 2`)
    },
  },
  {
    title: 'shows the progress of an upload, and stops it',
    async run(scene) {
      const fault = { at: 'api:library.uploads', do: { delay_ms: 60_000 } }
      await scene.servers.control('__faults', fault)
      const page = await openDemo(scene)
      await connect(page, 'upload', scene.user)
      await page.chooseFile(`${card('upload')} input[type=file]`, await pixel())
      await page.click(`${card('upload')} button`, 'Upload')
      await page.shows('progress', '')
      await page.until(
        `/of one file|Adding to/.test(document.querySelector('.progress span')?.textContent)`,
      )
      await page.click(`${card('upload')} button`, 'Stop')
      await page.shows(card('upload'), 'Stopped.')
    },
  },
  {
    title: 'says in words that the user said no, or closed the window',
    async run(scene) {
      const page = await openDemo(scene)
      const popup = await openConsent(page, 'pick')
      await goToQuestion(popup, scene.user)
      await popup.click('button', 'Cancel')
      await popup.closes()
      await page.shows(card('pick'), 'You said no at Google')
      const closed = await openConsent(page, 'pick')
      await goToQuestion(closed, scene.user)
      await closed.close()
      await page.shows(card('pick'), 'closed before anything was decided')
    },
  },
  {
    title: 'signs out, in another tab too',
    async run(scene) {
      const page = await openDemo(scene)
      await connect(page, 'pick', scene.user)
      const other = await Tab.open(scene.profile, scene.servers.demoAt(scene.mode))
      await other.shows('#account', scene.user.sub)
      await page.click('button', 'Sign out')
      await page.shows('#notice', 'Signed out, in every tab')
      await page.shows('#account', 'Nobody is connected')
      await other.shows('#notice', 'Signed out in another tab')
      await other.shows('#account', 'Nobody is connected')
    },
  },
  {
    title: 'disconnects one bundle, and then everything',
    async run(scene) {
      const page = await openDemo(scene)
      await connect(page, 'pick', scene.user)
      await connect(page, 'upload', scene.user)
      await page.click('button', 'Disconnect upload')
      await page.shows('#notice', 'has forgotten the bundle “upload”')
      await page.shows(`${card('upload')} button`, 'Connect upload')
      await page.until(`document.activeElement?.matches(${JSON.stringify(`${card('upload')} h3`)})`) // the page scrolls to it
      await page.click('button', 'Disconnect Google Photos')
      await page.shows('#notice', 'Disconnected.')
      await page.shows('#account', 'Nobody is connected')
    },
  },
]

const WITH_PIXELS = '[...document.images].filter(({ naturalWidth }) => naturalWidth > 0).length'

const GREY_PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=='

/** Writes a picture of one grey pixel; @returns its path */
async function pixel(): Promise<string> {
  const path = join(tmpdir(), 'sea.png')
  await writeFile(path, Buffer.from(GREY_PIXEL, 'base64'))
  return path
}

async function openDemo({ profile, servers, mode }: Scene): Promise<Tab> {
  const page = await Tab.open(profile, servers.demoAt(mode))
  await page.shows('#account', 'Nobody is connected')
  return page
}

function card(bundle: string): string {
  return `article[aria-labelledby=bundle-${bundle}]`
}

function openConsent(page: Tab, bundle: string): Promise<Tab> {
  return page.opens(() => page.click('button', `Connect ${bundle}`))
}

async function connect(page: Tab, bundle: string, user: User): Promise<ConsentPage[]> {
  const seen = await consent(await openConsent(page, bundle), user)
  await page.shows(card(bundle), 'You allowed this on')
  return seen
}
