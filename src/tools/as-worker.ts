/** What the code of the Worker expects of its runtime, and Node.js 24 does not have. Importing this adds it. */

declare global {
  interface SubtleCrypto {
    timingSafeEqual(left: ArrayBufferView, right: ArrayBufferView): boolean
  }
}

/** Decodes base64url; https://tc39.es/proposal-arraybuffer-base64/spec/. Only that alphabet is needed here. */
function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) throw new SyntaxError('not base64url')
  return new Uint8Array(Buffer.from(text, 'base64url'))
}

if (!('fromBase64' in Uint8Array)) Object.assign(Uint8Array, { fromBase64 })

export {}
