/** This file is JSON bodies of API calls, believed only as far as they are what Google's reference says. */

import type { Context } from 'hono'
import * as v from 'valibot'
import { apiError } from './answers.ts'

/** Ids of media items, as many as one call may name. */
export const mediaItemIds = v.pipe(v.array(v.string()), v.minLength(1), v.maxLength(50))

/**
 * Reads the JSON body of a call; an empty one counts as `{}`.
 *
 * @throws INVALID_ARGUMENT when it is not what the schema says
 */
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
