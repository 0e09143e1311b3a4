/** The media bytes: a `baseUrl` with a size. Picked items need the access token; there is no CORS. */

import type { Context } from 'hono'
import { PICK } from '../google-scopes.ts'
import { bearerToken } from '../oauth/introspection.ts'
import type { Simulation } from '../simulation.ts'
import { serveBytes } from './bytes.ts'
import { encodeExif } from './exif.ts'
import { findMediaUrl } from './media-url.ts'
import { findPicture, type Picture } from './pictures.ts'
import type { MediaUrl } from './records.ts'
import { paintScene } from './scene.ts'
import { videoBytes } from './video.ts'

/** The size after the `=`. */
type Size =
  | { kind: 'download' }
  | { kind: 'video' }
  | { kind: 'fit'; width: number; height: number }

interface Content {
  bytes: Uint8Array
  type: string
  filename: string
}

/** Answers `GET /media/{name}={size}`. A film is behind a redirect, as its host at Google is another one. */
export async function media(simulation: Simulation, c: Context): Promise<Response> {
  const [, films, name = '', suffix] =
    /^\/media\/(films\/)?([\w-]+)(?:=(.*))?$/.exec(c.req.path) ?? []
  const found = findMediaUrl(simulation, name)
  if (!found) return refuse(403, 'This URL is not valid, or has expired.')
  const refused = found.api === 'picker' ? whyRefused(simulation, c, found) : undefined
  if (refused) return refused
  const size = suffix === undefined ? undefined : readSize(suffix)
  if (!size) return refuse(400, 'The URL needs a size: =w2048-h1024, =d or =dv.')
  const content = await contentOf(simulation, found, size)
  if (!content) return refuse(404, 'This item has no such content.')
  const download = size.kind === 'fit' ? 'inline' : 'attachment'
  const headers = {
    'Content-Type': content.type,
    'Content-Disposition': `${download};filename="${content.filename}"`,
    'Cache-Control': 'private, max-age=86400, no-transform',
  }
  if (size.kind !== 'video')
    return serveBytes(c, content.bytes, { ...headers, ETag: `"${found.item}${suffix}"` })
  if (films === undefined) return c.redirect(`/media/films/${name}=${suffix}`)
  return new Response(content.bytes.slice(), { headers }) // whatever Range says
}

function whyRefused(simulation: Simulation, c: Context, url: MediaUrl): Response | undefined {
  const token = bearerToken(simulation, c.req.header('Authorization'))
  if (!token) return refuse(401, 'The access token is missing or has ended.')
  const isOwn = token.sub === url.sub && token.client_id === url.client_id
  if (!isOwn || !token.scopes.includes(PICK)) return refuse(403, 'This token does not allow it.')
  return undefined
}

function readSize(suffix: string): Size | undefined {
  if (suffix === 'd') return { kind: 'download' }
  if (suffix === 'dv') return { kind: 'video' }
  const [, width, height] = /^(?:w(\d{1,5}))?-?(?:h(\d{1,5}))?(?:-c)?$/.exec(suffix) ?? []
  if (width === undefined && height === undefined) return undefined
  return { kind: 'fit', width: Number(width ?? 16383), height: Number(height ?? 16383) }
}

async function contentOf(
  { world, bytes }: Simulation,
  { sub, item, api }: MediaUrl,
  size: Size,
): Promise<Content | undefined> {
  if (api === 'picker') {
    const picture = findPicture(sub, item)
    return picture && (await pictureContent(picture, size))
  }
  const created = world.media_items[item]
  const stored = bytes.get(item)
  const isVideo = created?.mime_type.startsWith('video/') ?? false
  if (!created || !stored || (size.kind === 'video') !== isVideo) return undefined
  // The simulator cannot scale: an uploaded item is answered in its own size.
  return { bytes: stored, type: created.mime_type, filename: created.filename }
}

/** Paints a picture in a size; for a video, its first frame or the film, if it has one. */
export async function pictureContent(
  { status, camera, width, height, scene, filename }: Picture,
  size: Size,
): Promise<Content | undefined> {
  if (size.kind === 'video') {
    if (status !== 'READY') return undefined
    return { bytes: videoBytes(), type: 'video/mp4', filename }
  }
  const scale = size.kind === 'fit' ? Math.min(1, size.width / width, size.height / height) : 1
  const pixels = (length: number): number => Math.max(1, Math.round(length * scale))
  const exif = size.kind === 'download' ? encodeExif(camera) : undefined
  return {
    bytes: await paintScene(scene, { width: pixels(width), height: pixels(height), exif }),
    type: 'image/png',
    filename: filename.replace(/mp4$/, 'png'),
  }
}

function refuse(status: number, why: string): Response {
  return new Response(why, { status, headers: { 'Content-Type': 'text/plain; charset=utf-8' } })
}
