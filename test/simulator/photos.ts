/** An app for the tests that calls the Photos APIs with its access token. */

import type { Simulator } from '../../src/simulator/app.ts'
import { picturesOf } from '../../src/simulator/photos/pictures.ts'
import { connect, google, the } from './app.ts'

/** The Photos APIs with one access token. */
export interface Photos {
  simulator: Simulator
  /** The `Authorization` header of its calls. */
  headers: Record<string, string>
  /** Calls a method, such as `POST /photospicker/v1/sessions`. */
  call(method: string, path: string, json?: unknown): Promise<Answer>
  /** Uploads bytes and returns the upload token. */
  upload(bytes: Uint8Array, type?: string): Promise<string>
  /** Picks every photo and video of the user. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read what the API answers.
  pickAll(): Promise<{ mediaItems: any[] }>
  /** Opens a page, or a `baseUrl` with a size. */
  open(url: string, headers?: Record<string, string>): Promise<Response>
}

interface Answer {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests read what the API answers.
  body: any
}

/** The start of a PNG of 2 by 3 pixels. */
export const PNG = Uint8Array.fromHex(
  '89504e470d0a1a0a0000000d494844520000000200000003080200000000000000',
)

/** Connects an app with these scopes. */
export async function photosWith(
  scopes: readonly string[],
  { simulator = google(), account = the.sub as string } = {},
): Promise<Photos> {
  const { access_token } = await connect(simulator, scopes.join(' '), { account })
  const bearer = { Authorization: `Bearer ${access_token}` }
  const call: Photos['call'] = async (method, path, json) => {
    const response = await simulator.fetch(
      new Request(the.origin + path, {
        method,
        headers: bearer,
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      }),
    )
    const { status, headers } = response
    return { status, headers, body: await response.json() }
  }
  return {
    simulator,
    headers: bearer,
    call,
    async pickAll() {
      const { id, pickerUri } = (await call('POST', `${PICKER}/sessions`)).body
      const body = new URLSearchParams(picturesOf(account).map((one) => ['photo', one.id]))
      await simulator.fetch(new Request(pickerUri, { method: 'POST', body }))
      return (await call('GET', `${PICKER}/mediaItems?sessionId=${id}`)).body
    },
    async upload(bytes, type = 'image/png') {
      const response = await simulator.fetch(
        new Request(`${the.origin}/photoslibrary/v1/uploads`, {
          method: 'POST',
          headers: {
            ...bearer,
            'X-Goog-Upload-Protocol': 'raw',
            'X-Goog-Upload-Content-Type': type,
          },
          body: bytes,
        }),
      )
      return response.text()
    },
    open: (url, headers = bearer) => simulator.fetch(new Request(url, { headers })),
  }
}

/** The paths of the two APIs. */
export const PICKER = '/photospicker/v1'
export const LIBRARY = '/photoslibrary/v1'
