/** A small PNG encoder (W3C PNG, third edition): 8-bit RGB, filter "Sub". */

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

/** Writes the pixels of a row: red, green and blue, 0 to 255. */
export type PaintRow = (y: number, row: Uint8ClampedArray) => void

/** Makes a PNG, row by row. */
export async function encodePng(
  { width, height, exif }: { width: number; height: number; exif?: Uint8Array | undefined },
  paint: PaintRow,
): Promise<Uint8Array> {
  const stride = width * 3
  const scanlines = new Uint8Array((stride + 1) * height)
  const row = new Uint8ClampedArray(stride)
  for (let y = 0; y < height; y++) {
    paint(y, row)
    const start = y * (stride + 1)
    scanlines[start] = 1
    for (let i = 0; i < stride; i++) {
      scanlines[start + 1 + i] = (row[i] ?? 0) - (i < 3 ? 0 : (row[i - 3] ?? 0))
    }
  }
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  header.set([8, 2, 0, 0, 0], 8)
  const parts = [
    new Uint8Array(SIGNATURE),
    chunk('IHDR', header),
    ...(exif ? [chunk('eXIf', exif)] : []),
    chunk('IDAT', await deflate(scanlines)),
    chunk('IEND', new Uint8Array()),
  ]
  return new Uint8Array(await new Blob(parts).arrayBuffer())
}

function chunk(type: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(content.length + 12)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, content.length)
  bytes.set(new TextEncoder().encode(type), 4)
  bytes.set(content, 8)
  view.setUint32(content.length + 8, crc32(bytes.subarray(4, content.length + 8)))
  return bytes
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}
