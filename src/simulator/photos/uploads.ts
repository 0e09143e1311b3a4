/** Uploads: bytes in, an upload token out, which is valid for a day. */

import { randomName } from '../simulation.ts'
import { apiError } from './answers.ts'
import type { ApiCall } from './call.ts'

/** How long an upload token is valid, in seconds. */
const UPLOAD_SECONDS = 24 * 60 * 60

/** `uploads` with the protocol `raw`; Google's resumable protocol is not supported. */
export async function upload({ simulation, c, owner }: ApiCall): Promise<Response> {
  if (c.req.header('X-Goog-Upload-Protocol') !== 'raw')
    throw apiError('INVALID_ARGUMENT', 'The header X-Goog-Upload-Protocol must be raw.')
  const bytes = new Uint8Array(await c.req.arrayBuffer())
  if (bytes.length === 0) throw apiError('INVALID_ARGUMENT', 'No bytes were sent.')
  const { uploads } = simulation.world
  const now = simulation.now()
  for (const [name, { expires_at }] of Object.entries(uploads)) {
    if (now < expires_at) continue
    simulation.bytes.delete(name)
    delete uploads[name]
  }
  const token = randomName('CAIS')
  const declared = c.req.header('X-Goog-Upload-Content-Type')
  uploads[token] = {
    ...owner,
    mime_type: declared ?? 'application/octet-stream',
    expires_at: now + UPLOAD_SECONDS,
  }
  simulation.bytes.put(token, bytes)
  return c.text(token)
}
