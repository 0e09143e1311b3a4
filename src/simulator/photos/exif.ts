/** Exif data (CIPA DC-008) of a photo: the camera, as the download `=d` has it. It never has a place. */

import type { Camera } from './pictures.ts'

const MAKE = 0x010f
const MODEL = 0x0110
const ASCII = 2
const HEADER_BYTES = 8
const ENTRY_BYTES = 12

/** Encodes a camera: a TIFF header, one directory, and its texts. */
export function encodeExif({ make, model }: Camera): Uint8Array {
  const entries = [
    [MAKE, new TextEncoder().encode(`${make}\0`)],
    [MODEL, new TextEncoder().encode(`${model}\0`)],
  ] as const
  let end = HEADER_BYTES + 2 + entries.length * ENTRY_BYTES + 4
  const bytes = new Uint8Array(entries.reduce((sum, [, text]) => sum + text.length, end))
  const view = new DataView(bytes.buffer)
  bytes.set([0x49, 0x49, 42, 0, HEADER_BYTES]) // "II": the least significant byte first
  view.setUint16(HEADER_BYTES, entries.length, true)
  for (const [index, [tag, text]] of entries.entries()) {
    const at = HEADER_BYTES + 2 + index * ENTRY_BYTES
    view.setUint16(at, tag, true)
    view.setUint16(at + 2, ASCII, true)
    view.setUint32(at + 4, text.length, true)
    view.setUint32(at + 8, end, true)
    bytes.set(text, end)
    end += text.length
  }
  return bytes
}
