/** JSON bodies of API calls, validated as in Google's reference. */

import type { Context } from 'hono'
import * as v from 'valibot'
import { apiError } from './answers.ts'

/** Ids of media items, 1 to 50. */
export const mediaItemIds = v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(50))

/** Reads the JSON body of a call; an empty one counts as `{}`. @throws {HTTPException} INVALID_ARGUMENT */
export async function readBody<Schema extends v.GenericSchema>(
  c: Context,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  const parsed = v.safeParse(schema, await readJson(c))
  if (parsed.success) return parsed.output
  const why = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? 'body'}: ${issue.message}`)
  throw apiError('INVALID_ARGUMENT', why.join('; '))
}

async function readJson(c: Context): Promise<unknown> {
  const text = new TextDecoder().decode(await c.req.arrayBuffer())
  try {
    return text === '' ? {} : JSON.parse(text)
  } catch {
    throw apiError('INVALID_ARGUMENT', 'Invalid JSON payload received.')
  }
}
