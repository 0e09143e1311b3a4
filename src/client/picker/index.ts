/** The web component: a button that lets the user pick photos from Google Photos, and a grid of what was picked. */

import { type Broker, createBroker } from '../index.ts'
import { type PickedItem, type PickState, pickPhotos } from '../photos/index.ts'
import { showItem } from './item.ts'
import { STYLE } from './style.ts'

export type { PickedItem } from '../photos/index.ts'

/** In Node there is no such class; the module can be imported there, and defines no element. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement

const TEMPLATE = `<div class="row" part="row">
  <button type="button" part="button"><slot name="label">Choose from Google Photos</slot></button>
  <button type="button" part="cancel" class="quiet" hidden><slot name="cancel">Cancel</slot></button>
</div>
<p part="status" role="status"></p>
<p part="link" hidden>Your browser blocked the window of Google Photos.
  <a target="_blank" rel="noopener">Open Google Photos</a></p>
<p part="error" class="error" role="alert" hidden></p>
<progress part="progress" aria-label="Photos shown" hidden></progress>
<ul part="grid" aria-label="Chosen photos" hidden></ul>`

/**
 * `<google-photos-picker broker="https://broker.example.com" client="gallery" bundle="pick" max="20">`
 *
 * Attributes: `broker`, `BASE_URL` of the broker; `client` and `redirect-uri`, those of `createBroker`; `bundle`, one
 * with the Picker scope, default `pick`; `max`, the largest number of items, default Google's own limit.
 *
 * Slots: `label` (text of the button), `cancel`. Parts: `row`, `button`, `cancel`, `status`, `link`, `error`, `progress`,
 * `grid`, `item`, `media`. Colors: `--google-photos-accent`, `--google-photos-on-accent`.
 *
 * Events: `pick`, whose `detail` is the list of {@link PickedItem}; `error`, whose `detail` is the `BrokerError` or
 * `PhotosError`.
 */
export class GooglePhotosPicker extends Base {
  /** What was picked last; empty before, and after the session has ended. */
  items: readonly PickedItem[] = []

  #parts: Record<'status' | 'link' | 'error' | 'grid', HTMLElement> & {
    button: HTMLButtonElement
    cancel: HTMLButtonElement
    progress: HTMLProgressElement
  }
  #picking: AbortController | undefined
  #unlisten: (() => void) | undefined

  constructor() {
    super()
    const root = this.attachShadow({ mode: 'open' })
    root.innerHTML = TEMPLATE
    addStyle(root)
    const parts = [...root.querySelectorAll('[part]')]
    this.#parts = Object.fromEntries(
      parts.map((part) => [part.getAttribute('part'), part]),
    ) as never
    this.#parts.button.onclick = () => void this.pick()
    this.#parts.cancel.onclick = () => this.#picking?.abort()
  }

  /** For the browser. */
  static readonly observedAttributes = ['broker', 'client', 'redirect-uri']

  /** Called by the browser. A consent by redirect comes back to a page with this element in it. */
  connectedCallback(): void {
    this.#unlisten?.()
    try {
      this.#unlisten = this.#broker().on('change', (change) => {
        const { bundle = this.#bundle } = change as { bundle?: string }
        if (bundle !== this.#bundle) return // of another part of the page
        if (change.type === 'failed') this.#fail(change.error)
        else if (change.type !== 'connected') this.#show([])
        else if (!this.#picking) this.#say('You are connected. Now you can choose photos.')
      })
    } catch {} // told at the click
  }

  /** Called by the browser. */
  attributeChangedCallback(): void {
    if (this.isConnected) this.connectedCallback()
  }

  /** Called by the browser. */
  disconnectedCallback(): void {
    this.#unlisten?.()
    this.#picking?.abort()
  }

  /** Lets the user pick, as a press of the button does. Call it in a click. It never rejects: see the events. */
  async pick(): Promise<void> {
    if (this.#picking) return
    const picking = new AbortController()
    this.#setPicking(picking)
    try {
      const max = readMax(this.getAttribute('max'))
      const items = await pickPhotos(this.#broker(), {
        bundle: this.#bundle,
        ...(max && { maxItems: max }),
        signal: picking.signal,
        onState: (state) => this.#say(wordsFor(state)),
        onBlocked: (address) => this.#offer(address),
      })
      this.#show(items)
      this.dispatchEvent(new CustomEvent('pick', { detail: items, bubbles: true, composed: true }))
    } catch (error) {
      this.#say('')
      if (!picking.signal.aborted) this.#fail(error as Error)
    } finally {
      this.#setPicking(undefined)
    }
  }

  get #bundle(): string {
    return this.getAttribute('bundle') ?? 'pick'
  }

  #broker(): Broker {
    const [url, client, redirectUri] = ['broker', 'client', 'redirect-uri'].map(
      (name) => this.getAttribute(name) ?? undefined,
    )
    if (!url) throw new TypeError('The attribute broker is missing: the address of the broker.')
    return createBroker({ url, ...(client && { client }), ...(redirectUri && { redirectUri }) })
  }

  /** The button stays in the tab order: a disabled one would lose the focus. */
  #setPicking(picking: AbortController | undefined): void {
    this.#picking = picking
    const { button, cancel, error, link } = this.#parts
    button.setAttribute('aria-disabled', String(picking !== undefined))
    if (cancel.matches(':focus')) button.focus()
    cancel.hidden = !picking
    link.hidden = true
    if (picking) error.hidden = true
  }

  #say(text: string): void {
    this.#parts.status.textContent = text
  }

  #offer(address: string): void {
    const { link } = this.#parts
    link.hidden = false
    const anchor = link.querySelector('a') as HTMLAnchorElement
    anchor.href = address
  }

  #fail(error: Error): void {
    const part = this.#parts.error
    part.textContent = error.message
    part.hidden = false
    this.dispatchEvent(new CustomEvent('error', { detail: error }))
  }

  #show(items: readonly PickedItem[]): void {
    this.items = items
    const { grid, progress } = this.#parts
    let settled = 0
    const report = (): void => {
      if (this.items !== items) return // picked again
      progress.value = settled
      progress.hidden = settled === items.length
      this.#say(items.length > 0 ? shownWords(settled, items.length) : '')
    }
    progress.max = items.length
    grid.replaceChildren(
      ...items.map((item) =>
        showItem(item, () => {
          settled++
          report()
        }),
      ),
    )
    grid.hidden = items.length === 0
    report()
  }
}

/** What the status says while the user picks. */
function wordsFor({ state, items = 0 }: PickState): string {
  const words = {
    connecting: 'Allow access in the window of Google.',
    waiting: 'Choose photos in the window of Google Photos.',
    retrying: 'Google does not answer just now. Trying again; your choice is not lost.',
    reading: `Reading what you chose: ${items} so far.`,
  }
  return words[state]
}

function shownWords(shown: number, all: number): string {
  const what = all === 1 ? '1 chosen' : `${all} chosen`
  return shown === all ? what : `${what}, ${shown} shown so far`
}

/** @throws {TypeError} if the attribute is not a whole number from 1 */
function readMax(text: string | null): number | undefined {
  if (text === null) return undefined
  if (!/^[1-9]\d{0,5}$/.test(text))
    throw new TypeError('The attribute max must be a whole number from 1.')
  return Number(text)
}

/** Adds the style without a `<style>` element where the browser can, since a strict CSP forbids that. */
function addStyle(root: ShadowRoot): void {
  if ('adoptedStyleSheets' in Document.prototype) {
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(STYLE)
    root.adoptedStyleSheets = [sheet]
    return
  }
  const style = document.createElement('style')
  style.textContent = STYLE
  root.prepend(style)
}

if (typeof customElements !== 'undefined' && !customElements.get('google-photos-picker'))
  customElements.define('google-photos-picker', GooglePhotosPicker)

declare global {
  interface HTMLElementTagNameMap {
    'google-photos-picker': GooglePhotosPicker
  }
}
