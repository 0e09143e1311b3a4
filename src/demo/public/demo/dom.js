/** This file is how elements are made: without `innerHTML`, so that no text ever becomes markup. */

/** @import { Words } from './words.js' */

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

/**
 * Finds an element that the page has for certain.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id)
  if (!found) throw new Error(`the page lacks #${id}`)
  return found
}

/**
 * Makes a button that works off one click at a time, and shows that it does.
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

/**
 * Shows what happened and what to do.
 *
 * @param {Words} words
 */
export function showWords({ what, todo = '', detail }) {
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
