/** Firefox, by WebDriver BiDi, which it speaks itself; https://w3c.github.io/webdriver-bidi/ . */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as bidi from 'selenium-webdriver/bidi/index.js'
import { startChild, untilPrinted } from './child.ts'
import type { Browser, Profile } from './driver.ts'

const START_MS = 60_000

/** It tells nobody of its start, and looks for no update. */
const PREFERENCES = `user_pref('app.update.auto', false);
user_pref('datareporting.policy.dataSubmissionEnabled', false);
user_pref('toolkit.telemetry.enabled', false);`

/** The module exports the class itself; its types say otherwise. */
const { default: Connection } = bidi as unknown as { default: typeof bidi.Index }

type Send = (method: string, params?: object) => Promise<never>

/** Starts Firefox on a screen, with a profile in a temporary folder. */
export async function startFirefox(
  program: string,
  display: string,
  temporary: string,
): Promise<Browser> {
  const folder = await mkdtemp(join(temporary, 'firefox-'))
  await writeFile(join(folder, 'user.js'), PREFERENCES)
  const args = ['--remote-debugging-port', '0', '--profile', folder, '--no-remote', 'about:blank']
  const child = startChild(program, args, ['ignore', 'pipe'], { DISPLAY: display })
  const output = child.process.stderr as NodeJS.ReadableStream
  const [, address] = await untilPrinted(output, /BiDi listening on (ws:\S+)/, START_MS)
  const connection = new Connection(`${address}/session`)
  await connection.waitForConnection()
  const send: Send = async (method, params = {}) => {
    const answer = (await connection.send({ method, params })) as Answer
    if (answer.type === 'error') throw new Error(`${method}: ${answer.error}: ${answer.message}`)
    return answer.result as never
  }
  const capabilities = { alwaysMatch: { acceptInsecureCerts: true } }
  const session: NewSession = await send('session.new', { capabilities })
  return {
    name: `Firefox ${session.capabilities.browserVersion}`,
    openProfile: () => openProfile(send),
    async stop() {
      await connection.close()
      await child.stop()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function openProfile(send: Send): Promise<Profile> {
  const { userContext }: { userContext: string } = await send('browser.createUserContext')
  return {
    async open() {
      const { context }: Context = await send('browsingContext.create', {
        type: 'window',
        userContext,
      })
      await send('browsingContext.activate', { context })
      return context
    },
    async list() {
      const { contexts }: { contexts: Context[] } = await send('browsingContext.getTree', {
        maxDepth: 0,
      })
      return contexts.filter((one) => one.userContext === userContext).map((one) => one.context)
    },
    go: (context, url) => send('browsingContext.navigate', { context, url, wait: 'complete' }),
    back: (context) => send('browsingContext.traverseHistory', { context, delta: -1 }),
    async evaluate(context, expression) {
      const answer: Evaluated = await send('script.evaluate', {
        expression: `(async () => JSON.stringify([await (${expression})]))()`,
        target: { context },
        awaitPromise: true,
      })
      if (!answer.result) throw new Error(answer.exceptionDetails?.text)
      return JSON.parse(answer.result.value)[0]
    },
    async click(context, x, y) {
      await send('browsingContext.activate', { context })
      const move = { type: 'pointerMove', x: Math.round(x), y: Math.round(y) }
      const press = { type: 'pointerDown', button: 0 }
      const release = { type: 'pointerUp', button: 0 }
      const actions = [{ type: 'pointer', id: 'mouse', actions: [move, press, release] }]
      await send('input.performActions', { context, actions })
    },
    async chooseFile(context, selector, path) {
      const { nodes }: { nodes: [object] } = await send('browsingContext.locateNodes', {
        context,
        locator: { type: 'css', value: selector },
      })
      await send('input.setFiles', { context, element: nodes[0], files: [path] })
    },
    async screenshot(context) {
      const { data }: { data: string } = await send('browsingContext.captureScreenshot', {
        context,
      })
      return Buffer.from(data, 'base64')
    },
    close: (context) => send('browsingContext.close', { context }),
    end: () => send('browser.removeUserContext', { userContext }),
  }
}

interface Answer {
  type: 'success' | 'error'
  result?: unknown
  error?: string
  message?: string
}

interface NewSession {
  capabilities: { browserVersion: string }
}

interface Context {
  context: string
  userContext: string
}

interface Evaluated {
  result?: { value: string }
  exceptionDetails?: { text: string }
}
