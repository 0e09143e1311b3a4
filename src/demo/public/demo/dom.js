/** Makes elements without `innerHTML`, so that no text is read as markup. */

/** @import { Message } from './messages.js' */

/**
 * Makes an element.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | boolean | (() => void)>} [attributes] a function is a click listener
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value)
    else if (typeof value === 'boolean') made.toggleAttribute(name, value)
    else made.setAttribute(name, value)
  }
  made.append(...children)
  return made
}

/** Finds an element by its id. @throws {Error} if the page lacks it. @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id)
  if (!found) throw new Error(`the page lacks #${id}`)
  return found
}

/**
 * Makes a button that ignores clicks while it is busy.
 *
 * @param {string} label
 * @param {() => Promise<void>} act
 * @param {string} [kind] class names
 * @returns {HTMLButtonElement}
 */
export function button(label, act, kind = '') {
  const made = element('button', { type: 'button', class: kind }, label)
  const work = async () => {
    if (made.getAttribute('aria-disabled') === 'true') return
    made.setAttribute('aria-disabled', 'true')
    try {
      await act()
    } finally {
      made.removeAttribute('aria-disabled')
    }
  }
  made.addEventListener('click', () => void work())
  return made
}

/** Makes the text of a message. @param {Message} message */
export function showMessage({ what, todo = '', detail }) {
  const small = detail ? [element('small', {}, detail)] : []
  return element('span', {}, `${what} ${todo}`.trim(), ...small)
}

/**
 * Makes a list of texts.
 *
 * @param {readonly (Node | string)[]} items
 * @param {string} [kind] class names
 * @returns {HTMLUListElement}
 */
export function list(items, kind = '') {
  return element('ul', { class: kind }, ...items.map((item) => element('li', {}, item)))
}
