/** A window, and what a user does and sees in it. */

import { setTimeout as pause } from 'node:timers/promises'
import type { Profile, WindowId } from './driver.ts'

/** How long something may take to show, in milliseconds. */
const TIME_LIMIT_MS = 20_000
const POLL_MS = 50
/** How long a user sees a page before doing something, in milliseconds. Browsers ignore a click that comes sooner. */
const SEEN_MS = 250
/** True in a page that its user has seen. */
const IS_SEEN = `performance.getEntriesByType('paint').some((one) => performance.now() - one.startTime > ${SEEN_MS})`

/** Finds elements that are in view for a user, by selector and text; an element with exactly that text comes first. */
const FIND = `const find = (selector, text) => {
  const words = (element) => (element.getAttribute('aria-label') ?? element.textContent).replace(/\\s+/g, ' ').trim();
  const roots = [document, ...[...document.querySelectorAll('*')].flatMap(({ shadowRoot }) => shadowRoot ?? [])];
  const seen = roots.flatMap((root) => [...root.querySelectorAll(selector)]).filter((one) => one.getClientRects().length);
  return seen.find((one) => words(one) === text) ?? seen.find((one) => words(one).includes(text));
};`

/** A window of a profile. */
export class Tab {
  readonly #profile: Profile
  readonly #id: WindowId

  private constructor(profile: Profile, id: WindowId) {
    this.#profile = profile
    this.#id = id
  }

  /** Opens a window at a URL. */
  static async open(profile: Profile, url: string): Promise<Tab> {
    const tab = new Tab(profile, await profile.open())
    await tab.goto(url)
    return tab
  }

  goto(url: string): Promise<void> {
    return this.#profile.go(this.#id, url)
  }

  /** Presses Back, once there is a page that matches an expression. */
  async back(expression = 'true'): Promise<void> {
    await this.until(`${expression} && ${IS_SEEN}`)
    await this.#profile.back(this.#id)
  }

  close(): Promise<void> {
    return this.#profile.close(this.#id)
  }

  screenshot(): Promise<Buffer> {
    return this.#profile.screenshot(this.#id)
  }

  chooseFile(selector: string, path: string): Promise<void> {
    return this.#profile.chooseFile(this.#id, selector, path)
  }

  /** Evaluates an expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    return (await this.#profile.evaluate(this.#id, expression)) as T
  }

  /** Waits until an expression is true in the page; @returns its value */
  until<T>(expression: string): Promise<T> {
    return poll(`${expression} in the page`, async () => this.evaluate<T>(expression))
  }

  /** Waits until an element that matches a selector shows a text. */
  async shows(selector: string, text: string): Promise<void> {
    await poll(`"${text}" at ${selector}`, () =>
      this.evaluate(`(() => { ${FIND} return Boolean(find(${quote(selector, text)})) })()`),
    )
  }

  /** Whether an element is in view now. */
  has(selector: string, text = ''): Promise<boolean> {
    return this.evaluate(`(() => { ${FIND} return Boolean(find(${quote(selector, text)})) })()`)
  }

  /** Waits until an element can be clicked and lies still for two frames, and clicks its middle. */
  async click(selector: string, text = ''): Promise<void> {
    const { x, y } = await poll(`${selector} "${text}" to click`, () =>
      this.evaluate<Point | null>(`(async () => { ${FIND}
        const one = find(${quote(selector, text)});
        if (!(${IS_SEEN}) || !one || one.disabled || one.getAttribute('aria-disabled') === 'true') return null;
        one.scrollIntoView({ block: 'center', behavior: 'instant' });
        const middle = () => {
          const { left, top, width, height } = one.getBoundingClientRect();
          return { x: left + width / 2, y: top + height / 2 };
        };
        const before = middle();
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        const { x, y } = middle();
        const hit = one.getRootNode().elementFromPoint(x, y);
        return one.contains(hit) && before.x === x && before.y === y ? { x, y } : null })()`),
    )
    await this.#profile.click(this.#id, x, y)
  }

  /** Does what opens another window; @returns that window */
  async opens(action: () => Promise<void>): Promise<Tab> {
    const before = await this.#profile.list()
    await action()
    return poll('another window', async () => {
      const id = (await this.#profile.list()).find((one) => !before.includes(one))
      return id !== undefined && new Tab(this.#profile, id)
    })
  }

  /** Waits until the window has closed. */
  async closes(): Promise<void> {
    await poll('the end of the window', async () => !(await this.isOpen()))
  }

  async isOpen(): Promise<boolean> {
    return (await this.#profile.list()).includes(this.#id)
  }
}

interface Point {
  x: number
  y: number
}

function quote(...texts: string[]): string {
  return texts.map((text) => JSON.stringify(text)).join(', ')
}

/** Asks until the answer is true. An error counts as no answer: a page that is just leaving cannot be asked. */
export async function poll<T>(
  what: string,
  ask: () => Promise<T>,
): Promise<Exclude<T, false | null>> {
  const end = Date.now() + TIME_LIMIT_MS
  for (let problem = ''; ; await pause(POLL_MS)) {
    try {
      const answer = await ask()
      if (answer) return answer as Exclude<T, false | null>
      problem = ''
    } catch (error) {
      const { name, message } = error as Error
      problem = ` (${name}: ${message})`
    }
    if (Date.now() > end) throw new Error(`waited ${TIME_LIMIT_MS / 1000} s for ${what}${problem}`)
  }
}
