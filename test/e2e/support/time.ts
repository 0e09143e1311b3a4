/** The time of a page, which a test lets pass. */

import type { Page } from 'playwright-core'

/** Runs in the page: counts the requests that a server has. */
export function watchRequests(): void {
  let open = 0
  let waiting: (() => void)[] = []
  const requests = {
    begin: (): void => void open++,
    end(): void {
      if (--open > 0) return
      for (const go of waiting) go()
      waiting = []
    },
    /** Waits until no server has a request. @returns whether one had */
    async settled(): Promise<boolean> {
      const had = open > 0
      if (had) await new Promise<void>((resolve) => waiting.push(resolve))
      return had
    },
  }
  const realFetch = window.fetch.bind(window)
  /** An answer with its whole body: until that is here, the server has the request. */
  window.fetch = async (input, init) => {
    requests.begin()
    try {
      const answer = await realFetch(input, init)
      const [{ status, headers }, body] = [answer, await answer.arrayBuffer()]
      return new Response(body.byteLength > 0 ? body : null, { status, headers })
    } finally {
      requests.end()
    }
  }
  const { send } = XMLHttpRequest.prototype
  XMLHttpRequest.prototype.send = function (this: XMLHttpRequest, body) {
    requests.begin()
    this.addEventListener('loadend', () => requests.end())
    send.call(this, body)
  }
  Object.assign(window, { requests })
}

/** Takes over the clock of a page, which goes on as before; `passing` makes it go faster. */
export async function controlTime(page: Page): Promise<void> {
  await page.evaluate(watchRequests)
  await page.clock.install()
}

/**
 * Lets the time of a page pass fast until work in it is done, but not while a server has a request of the page: on a slow
 * machine the time limits of the page would be over first.
 */
export async function passing<T>(page: Page, work: Promise<T>): Promise<T> {
  let isDone = false
  const done = work.finally(() => {
    isDone = true
  })
  let step = 250
  while (!isDone) {
    const hadRequest = await page.evaluate('requests.settled()').catch(() => true) // a page that is leaving
    if (!hadRequest) await page.clock.runFor(step)
    step = hadRequest ? 250 : Math.min(step * 2, 8000)
  }
  return done
}
