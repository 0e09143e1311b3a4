/** Runs in a page: its buttons, and the result of the last one. */

/** What a library got from the broker, in the spelling of RFC 6749. */
export interface Tokens {
  access_token: string
  refresh_token?: string | null | undefined
}

/** The address of the broker; the bundler puts it in. */
declare const BROKER: string
export const broker = BROKER

/** The redirect URI: this page. */
export const here = location.origin + location.pathname

/** The bundle that the page asks for. */
export const bundle = document.body.dataset['bundle'] ?? 'pick'

/** Makes a button of each action. Its result is in `window.value`, its error in `window.error`. */
export function offer(actions: Record<string, () => Promise<unknown>>): void {
  for (const [textContent, action] of Object.entries(actions)) {
    const button = Object.assign(document.createElement('button'), { textContent })
    button.onclick = () => show(action())
    document.body.append(button)
  }
}

/** Shows what comes of an action. The members of a library's error are copied, since the test reads them as JSON. */
export function show(work: Promise<unknown>): void {
  const outcome = document.createElement('output')
  outcome.id = 'outcome'
  document.querySelector('output')?.remove()
  document.body.append(outcome)
  work.then(
    (value) => {
      Object.assign(window, { value })
      outcome.textContent = 'ok'
    },
    (error) => {
      Object.assign(window, { error: { ...error, name: error.name, message: error.message } })
      outcome.textContent = 'failed'
    },
  )
}
