/** The web component in Chromium: three lines of HTML pick photos and show them, with words for all that can happen. */

import { readFile } from 'node:fs/promises'
import type { BrowserContext, Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { ADA, chooseAccount, pickPhotos } from './support/chromium.ts'
import { openOnPort } from './support/documented-pages.ts'
import { openPopup, stage, useStage } from './support/stage.ts'

useStage()

const README = new URL('../../README.md', import.meta.url)

/** The lines of the README that show the component, at the broker of the stage. */
async function readLines(): Promise<string> {
  const text = await readFile(README, 'utf8')
  const [, html = ''] = /```html\n([^`]*google-photos-picker[^`]*)```/.exec(text) ?? []
  return html.replaceAll('http://localhost:8787', stage.url)
}

/** Opens a page with the component, on an origin of its own. */
async function openElement(html: string): Promise<{ context: BrowserContext; page: Page }> {
  stage.serve('/own', 'text/html', html)
  const { context, page } = await stage.visit('oauth')
  await page.goto(`${stage.pageAt('oauth')}own`)
  return { context, page }
}

const element = (attributes: string, inner = ''): string => `<!doctype html><title>Mine</title>
<script type="module" src="${stage.url}/picker.js"></script>
<google-photos-picker broker="${stage.url}" ${attributes}>${inner}</google-photos-picker>
<script>
  const heard = []
  const own = document.querySelector('google-photos-picker')
  own.addEventListener('pick', ({ detail }) => heard.push('pick ' + detail.length))
  own.addEventListener('error', ({ detail }) => heard.push('error ' + (detail.code ?? detail.name)))
</script>`

/** Presses the button, connects, and picks the first photos. */
async function connectAndPick(
  page: Page,
  count: number,
  label = 'Choose from Google Photos',
): Promise<void> {
  const popup = await openPopup(page, label)
  await chooseAccount(popup, ADA)
  await popup.getByRole('button', { name: 'Continue' }).click()
  await pickPhotos(popup, count)
}

/** Waits until the grid has this many pictures. */
async function hasPictures(page: Page, count: number): Promise<void> {
  await expect
    .poll(() =>
      page
        .locator('google-photos-picker img')
        .evaluateAll(
          (images) => images.filter((image) => (image as HTMLImageElement).naturalWidth > 0).length,
        ),
    )
    .toBe(count)
}

it('the three lines of the README pick photos and show them', async () => {
  const html = await readLines()
  expect(html.trim().split('\n').length).toBeLessThanOrEqual(3)
  const page = await openOnPort(stage, '127.0.0.1', html)
  await connectAndPick(page, 3)
  await hasPictures(page, 3)
})

describe('the element', () => {
  it('says in words what happens, and tells it by events', async () => {
    const { page } = await openElement(element('client="elsewhere" max="5"'))
    const status = page.getByRole('status')
    const popup = await openPopup(page, 'Choose from Google Photos')
    await status.getByText('Allow access in the window of Google.').waitFor()
    await chooseAccount(popup, ADA)
    await popup.getByRole('button', { name: 'Continue' }).click()
    await status.getByText('Choose photos in the window of Google Photos.').waitFor()
    await pickPhotos(popup, 2)
    await status.getByText('2 chosen').waitFor()
    await hasPictures(page, 2)
    expect(await page.getByRole('list', { name: 'Chosen photos' }).count()).toBe(1)
    expect(await page.evaluate('heard')).toEqual(['pick 2'])
    expect(await page.evaluate('own.items.length')).toBe(2)

    await (await openPopup(page, 'Choose from Google Photos')).close()
    await page.getByRole('alert').getByText('The window was closed').waitFor()
    expect(await page.evaluate('heard')).toEqual(['pick 2', 'error popup_closed'])
    await hasPictures(page, 2) // what was chosen before stays
  })

  it('can be cancelled, with the keyboard alone, and keeps the focus', async () => {
    const { page } = await openElement(element('client="elsewhere"'))
    await page.getByRole('button', { name: 'Choose from Google Photos' }).focus()
    const [popup] = await Promise.all([page.waitForEvent('popup'), page.keyboard.press('Enter')])
    await popup.getByRole('link', { name: 'Continue' }).waitFor()
    const closed = popup.waitForEvent('close')
    await page.getByRole('button', { name: 'Cancel' }).focus()
    await page.keyboard.press('Enter')
    await closed
    await page.waitForFunction(
      "own.shadowRoot.activeElement?.getAttribute('part') === 'button' && own.shadowRoot.querySelector('[part=cancel]').hidden",
    )
    expect(await page.evaluate('heard')).toEqual([])
  })

  it.each([
    {
      attributes: 'client="elsewhere" max="many"',
      text: 'The attribute max must be a whole number',
    },
    { attributes: 'client="elsewhere" max="0"', text: 'The attribute max must be a whole number' },
    { attributes: '', text: 'client is missing' },
  ])('with $attributes says what is wrong: $text', async ({ attributes, text }) => {
    const { page } = await openElement(element(attributes))
    await page.getByRole('button', { name: 'Choose from Google Photos' }).click()
    await page.getByRole('alert').getByText(text).waitFor()
    expect(page.context().pages()).toEqual([page]) // no window was opened
  })

  it('shows a link where popups are blocked', async () => {
    const { context, page } = await openElement(element('client="elsewhere"'))
    await connectAndPick(page, 1)
    await hasPictures(page, 1)
    await page.evaluate(() => Object.assign(window, { open: () => null }))
    await page.getByRole('button', { name: 'Choose from Google Photos' }).click()
    const link = page.getByRole('link', { name: 'Open Google Photos' })
    const [picker] = await Promise.all([context.waitForEvent('page'), link.click()])
    for (const index of [0, 1]) await picker.getByRole('checkbox').nth(index).check()
    await picker.getByRole('button', { name: 'Done' }).click()
    await hasPictures(page, 2)
  })

  it('plays a film, and says which one is still processed', async () => {
    const { page } = await openElement(element('client="elsewhere"'))
    await connectAndPick(page, 12)
    await page.getByRole('button', { name: /^Play/ }).click()
    await page.waitForFunction("own.shadowRoot.querySelector('video')?.readyState > 1")
    expect(await page.locator('google-photos-picker img[title*="still processing"]').count()).toBe(
      1,
    )
  })

  it('works under a strict CSP, fits a phone, and takes its label from the page', async () => {
    const { context, page } = await openElement(
      element('client="elsewhere"', '<span slot="label">Fotos wählen</span>').replace(
        '<title>',
        `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ${stage.url} 'unsafe-inline'; connect-src ${stage.url} ${stage.simulator}; img-src ${stage.url}"><title>`,
      ),
    )
    const complaints: string[] = []
    context.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) complaints.push(message.text())
    })
    await page.setViewportSize({ width: 320, height: 640 })
    await connectAndPick(page, 4, 'Fotos wählen')
    await hasPictures(page, 4)
    const overflow = await page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    )
    expect([overflow, complaints]).toEqual([0, []])
  })

  it('keeps its grid when another bundle ends', async () => {
    const { page } = await openElement(element('client="elsewhere"'))
    await connectAndPick(page, 1)
    await hasPictures(page, 1)
    await page.evaluate(`import('${stage.url}/client.js').then(({ createBroker }) =>
      createBroker({ url: '${stage.url}', client: 'elsewhere' }).disconnect('upload'))`)
    await hasPictures(page, 1)
    expect(await page.evaluate('own.items.length')).toBe(1)
  })

  it('hears of the end of the session also where its attributes came later', async () => {
    const late = element('client="elsewhere"').replace(/broker="[^"]*"/, '')
    const set = `<script>
      customElements.whenDefined(own.localName).then(() => own.setAttribute('broker', '${stage.url}'))
    </script>`
    const { page } = await openElement(late + set)
    await connectAndPick(page, 1)
    await hasPictures(page, 1)
    await page.evaluate(`import('${stage.url}/client.js').then(({ createBroker }) =>
      createBroker({ url: '${stage.url}', client: 'elsewhere' }).signOut())`)
    await hasPictures(page, 0)
  })

  it('says that a film cannot be played, and keeps the focus there', async () => {
    const { page } = await openElement(element('client="elsewhere"'))
    await connectAndPick(page, 12)
    await page.route(/\/media\?/, (route) =>
      route.request().resourceType() === 'media' ? route.abort() : route.continue(),
    )
    const button = page.getByRole('button', { name: /^Play/ })
    await button.focus()
    await page.keyboard.press('Enter')
    const again = page.getByRole('button', { name: /cannot be played now. Try again$/ })
    await again.waitFor()
    expect(await again.evaluate((one) => one.matches(':focus'))).toBe(true)
  })

  it('empties its grid when the session ends in another tab', async () => {
    const { context, page } = await openElement(element('client="elsewhere"'))
    await connectAndPick(page, 1)
    await hasPictures(page, 1)
    const other = await context.newPage()
    await other.goto(stage.pageAt('oauth'))
    await other.waitForFunction('window.broker')
    await other.evaluate('broker.signOut()')
    await hasPictures(page, 0)
  })
})
