/** This file is a media host on loopback: it makes bytes while they are read, and knows how many it was able to send. */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

/** The host. */
export interface MediaHost {
  /** Answers `/media/BYTES` with so many bytes of video. */
  readonly listener: RequestListener
  /** Bytes that the last answer was able to send so far. */
  sent(): number
  /** Settles when the last answer is over, however that came. */
  ended(): Promise<void>
  /** Methods and `Authorization` of the requests. */
  readonly seen: { method: string; authorization: string }[]
}

const CHUNK = Buffer.alloc(256 * 1024, 7)

/** Makes a media host. */
export function createMediaHost(): MediaHost {
  let last: ServerResponse | undefined
  let sent = 0
  const host: MediaHost = {
    seen: [],
    sent: () => sent - (last?.writableLength ?? 0),
    ended: async () =>
      new Promise((resolve) => {
        if (!last || last.destroyed || last.writableFinished) resolve()
        else last.once('close', resolve)
      }),
    listener(request: IncomingMessage, response: ServerResponse) {
      const bytes = Number(request.url?.split('/').at(-1))
      const { method = '', headers } = request
      host.seen.push({ method, authorization: headers.authorization ?? '' })
      response.writeHead(200, { 'Content-Type': 'video/mp4', 'Content-Length': bytes })
      if (method === 'HEAD') {
        response.end()
        return
      }
      last = response
      sent = 0
      const fill = (): void => {
        while (sent < bytes && !response.destroyed) {
          const chunk = CHUNK.subarray(0, bytes - sent)
          sent += chunk.length
          if (!response.write(chunk)) {
            response.once('drain', fill)
            return
          }
        }
        response.end()
      }
      fill()
    },
  }
  return host
}
