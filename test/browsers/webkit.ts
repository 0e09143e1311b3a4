/** WebKitGTK with the browser that its packages bring, by WebDriver; https://www.w3.org/TR/webdriver2/ . */

import { setTimeout as pause } from 'node:timers/promises'
import { Builder, Capabilities, type WebDriver } from 'selenium-webdriver'
import { startChild } from './child.ts'
import type { Browser, Profile } from './driver.ts'
import { findPort } from './port.ts'
import { poll } from './tab.ts'

const START_MS = 20_000
const POLL_MS = 100

/** Starts the driver. Each profile is a browser of its own: a session of automation keeps nothing. */
export async function startWebKit(program: string, display: string): Promise<Browser> {
  const port = await findPort()
  const child = startChild(program, [`--port=${port}`], ['ignore', 'ignore'], { DISPLAY: display })
  const server = `http://127.0.0.1:${port}`
  await untilReady(`${server}/status`)
  const wanted = new Capabilities({ browserName: 'MiniBrowser', acceptInsecureCerts: true })
  wanted.setPageLoadStrategy('none') // else a command waits for five minutes, now and then, for a load that is over
  const openSession = (): Promise<WebDriver> =>
    new Builder().usingServer(server).withCapabilities(wanted).build()
  const session = await openSession()
  const version = (await session.getCapabilities()).getBrowserVersion()
  await session.quit()
  return {
    name: `WebKitGTK ${version}`,
    openProfile: async () => toProfile(await openSession()),
    stop: () => child.stop(),
  }
}

function toProfile(driver: WebDriver): Profile {
  let isFresh = true
  const enter = (window: string): Promise<void> => driver.switchTo().window(window)
  const profile: Profile = {
    async open() {
      if (!isFresh) await driver.switchTo().newWindow('window')
      isFresh = false
      return driver.getWindowHandle()
    },
    list: () => driver.getAllWindowHandles(),
    async go(window, url) {
      await profile.evaluate(window, 'void (window.isLeft = true)')
      await driver.get(url)
      const isThere = 'document.readyState === "complete" && window.isLeft !== true'
      await poll(url, () => profile.evaluate(window, isThere))
    },
    async back(window) {
      await enter(window)
      await driver.navigate().back()
    },
    async evaluate(window, expression) {
      await enter(window)
      const { value, error } = await driver.executeAsyncScript<Evaluated>(
        `const done = arguments[arguments.length - 1];
        (async () => (${expression}))().then((value) => done({ value }), (error) => done({ error: String(error) }))`,
      )
      if (error) throw new Error(error)
      return value
    },
    async click(window, x, y) {
      await enter(window)
      const point = { x: Math.round(x), y: Math.round(y), duration: 0 }
      await driver.actions({ async: true }).move(point).click().perform()
    },
    async chooseFile(window, selector, path) {
      await enter(window)
      await driver.findElement({ css: selector }).sendKeys(path)
    },
    async screenshot(window) {
      await enter(window)
      return Buffer.from(await driver.takeScreenshot(), 'base64')
    },
    async close(window) {
      await enter(window)
      await driver.close()
    },
    end: () => driver.quit(),
  }
  return profile
}

interface Evaluated {
  value?: unknown
  error?: string
}

async function untilReady(url: string): Promise<void> {
  for (
    const signal = AbortSignal.timeout(START_MS);
    ;
    await pause(POLL_MS, undefined, { signal })
  ) {
    if (
      await fetch(url, { signal }).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return
  }
}
