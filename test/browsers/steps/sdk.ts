/** The SDK on a page of its own, where browsers differ: modules, windows, and the back/forward cache. */

import { holds, type Scene, type Step, type User } from '../step.ts'
import { Tab } from '../tab.ts'
import { consent, goToQuestion } from './google.ts'

const MODULE_TRIES = 8

/** The steps with the SDK. */
export const SDK_STEPS: readonly Step[] = [
  {
    title: `two scripts that share the SDK both run, ${MODULE_TRIES} of ${MODULE_TRIES} tries`,
    mode: 'cookie',
    async run({ servers, profile, mode }) {
      const { broker } = servers
      servers.serve(
        '/shared.js',
        `import { createBroker } from '${broker}/client.js'
export const broker = createBroker({ url: '${broker}', client: 'demo' })`,
      )
      const run = "import { broker } from '/shared.js'; (window.ran ??= []).push(broker)"
      servers.serve('/one.js', run)
      servers.serve('/two.js', run)
      const start = '<script type="module"'
      servers.serve('/sources', `${start} src="/one.js"></script>${start} src="/two.js"></script>`)
      servers.serve('/inline', `${start}>${run}</script>${start}>${run}</script>`)
      servers.serve('/imports', `${start}>import('/one.js'); import('/two.js')</script>`)
      const tab = await Tab.open(profile, servers.pageAt(mode, '/empty'))
      for (let tries = 0; tries < MODULE_TRIES; tries++)
        for (const path of ['/sources', '/inline', '/imports']) {
          await tab.goto(servers.pageAt(mode, `${path}?${tries}`))
          await tab.until('window.ran?.length === 2').catch((error) => {
            throw new Error(`${path}, try ${tries + 1}: ${error.message}`)
          })
        }
    },
  },
  {
    title: 'connect() does not lose its window on the way',
    async run(scene) {
      const page = await openPage(scene)
      const popup = await page.opens(() => page.click('button', 'Connect'))
      await consent(popup, scene.user, async () => {
        const state = await page.evaluate('[popup.closed, outcome.textContent].join()')
        holds(state === 'false,…', `popup.closed and the outcome so far: ${state}`)
      })
      await page.shows('#outcome', 'ok')
      const token = await page.evaluate<string>(TOKEN)
      holds(token === 'a token', `token(): ${token}`)
    },
  },
  {
    title: 'a listener that comes late hears what came of a redirect',
    async run(scene) {
      const page = await openPage(scene)
      await redirect(page, scene.user)
      await page.click('button', 'Cancel')
      await page.shows('#changes', 'failed access_denied')
      await redirect(page, scene.user)
      await page.click('button', 'Continue')
      await page.shows('#changes', 'connected')
    },
  },
  {
    title: 'a page that Back brings has no token after a sign-out in another tab',
    async run(scene) {
      const { servers, profile, mode, user, note } = scene
      const page = await openPage(scene)
      await consent(await page.opens(() => page.click('button', 'Connect')), user)
      await page.shows('#outcome', 'ok')
      await page.evaluate(TOKEN)
      await page.goto(servers.pageAt(mode, '/elsewhere'))
      const other = await Tab.open(profile, servers.pageAt(mode, '/own'))
      await other.until('window.broker !== undefined')
      await other.evaluate('broker.signOut()')
      await page.back()
      await page.until('window.broker !== undefined')
      const token = await page.evaluate(TOKEN)
      holds(token === 'login_required', `token(): ${token}`)
      note(await wayBack(page))
    },
  },
  {
    title: 'connect() by redirect settles when the user comes Back',
    async run(scene) {
      const page = await openPage(scene)
      await page.evaluate('void (window.open = () => null)')
      await page.click('button', 'Connect')
      await page.back('location.pathname !== "/own"')
      await page.until('window.broker !== undefined')
      if (await page.evaluate('window.persisted === true'))
        await page.shows('#outcome', 'popup_closed')
      else await page.until('outcome.textContent === ""')
      scene.note(await wayBack(page))
    },
  },
]

/** In the page: whether there is a token, or the code of the error. The token itself stays in the page. */
const TOKEN = 'broker.token("pick").then(() => "a token", ({ code }) => code)'

async function openPage({ servers, profile, mode }: Scene): Promise<Tab> {
  const { broker } = servers
  const client = servers.clientOf(mode)
  servers.serve(
    '/own',
    `<!doctype html><title>An app</title>
<button>Connect</button> <output id="outcome"></output> <output id="changes"></output>
<script type="module">
  import { createBroker } from '${broker}/client.js'
  const broker = createBroker({ url: '${broker}', client: '${client}' })
  const open = window.open
  window.open = (...args) => (window.popup = open(...args))
  addEventListener('pageshow', ({ persisted }) => { window.persisted = persisted })
  document.querySelector('button').onclick = () => {
    outcome.textContent = '…'
    broker.connect('pick').then(() => 'ok', ({ code }) => code).then((text) => { outcome.textContent = text })
  }
  setTimeout(() => broker.on('change', ({ type, error }) => { changes.textContent = type + ' ' + error?.code }))
  window.broker = broker
</script>`,
  )
  const page = await Tab.open(profile, servers.pageAt(mode, '/own'))
  await page.until('window.broker !== undefined')
  return page
}

/** Goes to Google's question in the page itself, as where popups are blocked. */
async function redirect(page: Tab, user: User): Promise<void> {
  await page.until('window.broker !== undefined')
  await page.evaluate('void (window.open = () => null)')
  await page.click('button', 'Connect')
  await goToQuestion(page, user)
}

async function wayBack(page: Tab): Promise<string> {
  const isRestored = await page.evaluate<boolean>('window.persisted === true')
  return isRestored ? 'from the back/forward cache' : 'the browser loaded the page again'
}
