/** Answers with bytes, with ranges and conditions of RFC 9110. */

import type { Context } from 'hono'

/** Answers with bytes, or with the range that was requested. */
export function serveBytes(
  c: Context,
  bytes: Uint8Array,
  headers: Record<string, string> & { ETag: string },
): Response {
  const common = { ...headers, 'Accept-Ranges': 'bytes' }
  if (c.req.header('If-None-Match') === headers.ETag)
    return new Response(null, { status: 304, headers: common })
  const ifRange = c.req.header('If-Range') ?? headers.ETag
  const range =
    ifRange === headers.ETag ? readRange(c.req.header('Range'), bytes.length) : undefined
  if (range === 'unsatisfiable') {
    const unsatisfiable = { ...common, 'Content-Range': `bytes */${bytes.length}` }
    return new Response(null, { status: 416, headers: unsatisfiable })
  }
  const { start, end } = range ?? { start: 0, end: bytes.length }
  return new Response(bytes.slice(start, end), {
    status: range ? 206 : 200,
    headers: {
      ...common,
      'Content-Length': String(end - start),
      ...(range ? { 'Content-Range': `bytes ${start}-${end - 1}/${bytes.length}` } : {}),
    },
  })
}

/** Reads a single range; anything else is ignored. */
function readRange(
  header: string | undefined,
  length: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === undefined || last === undefined || first + last === '') return undefined
  const start = first === '' ? Math.max(0, length - Number(last)) : Number(first)
  const end = first === '' || last === '' ? length : Math.min(length, Number(last) + 1)
  return start >= end ? 'unsatisfiable' : { start, end }
}
