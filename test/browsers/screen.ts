/** A screen that nobody sees, with a window manager: without one no window ever has the focus. */

import { findProgram, startChild, untilPrinted } from './child.ts'

const START_MS = 20_000

/** Whether a screen can be opened here. */
export function hasScreen(): boolean {
  return Boolean(findProgram('Xvfb') && findProgram('openbox'))
}

/** Opens a screen, which ends with this process. @returns the value of `DISPLAY` */
export async function openScreen(): Promise<string> {
  const size = ['-screen', '0', '1400x1000x24']
  const args = ['-displayfd', '3', ...size, '-nolisten', 'tcp']
  const server = startChild('Xvfb', args, ['ignore', 'ignore', 'pipe'])
  const numbers = server.process.stdio[3] as NodeJS.ReadableStream
  const [, number] = await untilPrinted(numbers, /(\d+)\n/, START_MS)
  const display = `:${number}`
  startChild('openbox', [], ['ignore', 'ignore'], { DISPLAY: display })
  return display
}
