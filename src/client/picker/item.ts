/** One item of the grid: a photo, or a video with its controls. */

import type { PickedItem } from '../photos/index.ts'

/** Twice the size of a cell, for dense screens, in pixels. */
const SIZE = { width: 512, height: 512 }
/** How often an address is asked for: it lives for 15 minutes, and a picture further down is loaded later. */
const MAX_TRIES = 3

/** Makes the item of a list; `onSettled` is called when its picture is there, or will not come. */
export function showItem(item: PickedItem, onSettled: () => void): HTMLLIElement {
  const { filename, type, processingStatus } = item
  const entry = document.createElement('li')
  entry.setAttribute('part', 'item')
  const image = document.createElement('img')
  image.setAttribute('part', 'media')
  image.alt = filename
  let tries = 0
  const settle = (): void => {
    image.onload = null
    onSettled()
  }
  const load = async (): Promise<void> => {
    try {
      tries++
      image.src = await item.src(SIZE)
    } catch {
      fail()
    }
  }
  const fail = (): void => {
    image.onerror = null
    entry.textContent = `${filename} could not be shown.`
    settle()
  }
  image.onload = settle
  image.onerror = () => (tries < MAX_TRIES ? void load() : fail())
  entry.append(image)
  if (type === 'VIDEO' && processingStatus === 'READY') entry.append(playButton(item, entry, image))
  else if (type === 'VIDEO') {
    const why = processingStatus === 'FAILED' ? 'cannot process' : 'is still processing'
    image.title = `${filename}: Google ${why} this film.`
  }
  void load()
  return entry
}

/** The film is loaded when the user wants to see it: it may be long. */
function playButton(item: PickedItem, entry: HTMLElement, image: HTMLElement): HTMLButtonElement {
  const button = document.createElement('button')
  button.type = 'button'
  button.setAttribute('part', 'play')
  button.className = 'play'
  button.textContent = '▶'
  button.setAttribute('aria-label', `Play ${item.filename}`)
  button.onclick = async () => {
    const video = document.createElement('video')
    video.setAttribute('part', 'media')
    video.controls = true
    video.setAttribute('aria-label', item.filename)
    const fail = (): void => {
      const hadFocus = video.matches(':focus')
      entry.replaceChildren(image, button)
      button.textContent = 'The film cannot be played now. Try again'
      button.setAttribute('aria-label', `${item.filename}: ${button.textContent}`)
      if (hadFocus) button.focus()
    }
    video.onerror = fail
    try {
      video.src = await item.src({ original: true })
      entry.replaceChildren(video)
      video.focus()
      await video.play()
    } catch {
      if (!video.src) fail() // else the browser wants another press, or `onerror` tells
    }
  }
  return button
}
