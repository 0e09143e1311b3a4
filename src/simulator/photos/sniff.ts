/** The type of an uploaded file, and the size of an image, read from its bytes. */

/** Type and size of a file; 0 if the size is unknown. */
export interface Sniffed {
  mime_type: string
  width: number
  height: number
}

/** Reads the type from the first bytes, else takes the declared one; `undefined` if it is no image or video. */
export function sniff(bytes: Uint8Array, declared: string): Sniffed | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, 16))
  if (text.startsWith('\x89PNG')) return { mime_type: 'image/png', ...sizeOfPng(bytes) }
  if (text.startsWith('\xff\xd8\xff')) return { mime_type: 'image/jpeg', ...sizeOfJpeg(bytes) }
  if (text.startsWith('GIF8')) return { mime_type: 'image/gif', ...sizeOfGif(bytes) }
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return unsized('image/webp')
  if (text.slice(4, 8) === 'ftyp')
    return unsized(/^(heic|mif1|avif)/.test(text.slice(8, 12)) ? 'image/heif' : 'video/mp4')
  if (text.startsWith('\x1a\x45\xdf\xa3')) return unsized('video/webm')
  return /^(image|video)\//.test(declared) ? unsized(declared) : undefined
}

function sizeOfPng(bytes: Uint8Array): { width: number; height: number } {
  const view = viewOf(bytes)
  return bytes.length < 24
    ? { width: 0, height: 0 }
    : { width: view.getUint32(16), height: view.getUint32(20) }
}

function sizeOfGif(bytes: Uint8Array): { width: number; height: number } {
  const view = viewOf(bytes)
  return bytes.length < 10
    ? { width: 0, height: 0 }
    : { width: view.getUint16(6, true), height: view.getUint16(8, true) }
}

/** Reads the segments up to the start of frame. */
function sizeOfJpeg(bytes: Uint8Array): { width: number; height: number } {
  const view = viewOf(bytes)
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = bytes[at + 1] ?? 0
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (isFrame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) }
  }
  return { width: 0, height: 0 }
}

function unsized(mime_type: string): Sniffed {
  return { mime_type, width: 0, height: 0 }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
