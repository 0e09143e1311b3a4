/** How settings are read: valibot schemas whose messages say what is wrong and what to write instead. */

import * as v from 'valibot'

interface Table<S> {
  readonly variable: string
  /** What an entry may be called. */
  readonly name: RegExp
  /** The sentence for any other name. */
  readonly wrong_name: string
  readonly entry: S
  /** Shows what to write, where the schema has no sentence for a value. */
  readonly example: string
}

/** Names that a sentence may repeat; any other text may be a secret. */
const PRINTABLE_NAME = /^[\w.-]{1,64}$/

/** The schema of a text that passes a test; anything else gets the one sentence. */
export function text(
  isRight: (text: string) => boolean,
  sentence: string,
): v.GenericSchema<string> {
  return v.custom<string>((value) => typeof value === 'string' && isRight(value), sentence)
}

/**
 * Reads a value.
 *
 * @param place name of the value: `BUNDLES.pick`; empty for the whole environment
 * @returns the output, left out when there are problems: one sentence for each place, never with a value (TMB-81)
 */
export function readValue<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  place: string,
  example: string,
): { output?: v.InferOutput<S>; problems: readonly string[] } {
  const message = `is missing, unknown or of the wrong type. ${example}`
  const result = v.safeParse(schema, value, { message })
  if (result.success) return { output: result.output, problems: [] }
  const sentences = new Map<string, string>()
  for (const { path = [], message } of result.issues) {
    const at = path.reduce((at, { key }) => inside(at, key), place)
    if (!sentences.has(at)) sentences.set(at, message)
  }
  return { problems: [...sentences].map(([at, sentence]) => `${at}: ${sentence}`) }
}

/** Reads a table, or its JSON; each entry by itself, so that no problem hides another. */
export function readTable<S extends v.GenericSchema>(
  { variable, name, wrong_name, entry, example }: Table<S>,
  given: unknown,
): { entries: ReadonlyMap<string, v.InferOutput<S>>; problems: readonly string[] } {
  const entries = new Map<string, v.InferOutput<S>>()
  const members = membersOf(typeof given === 'string' ? fromJson(given) : given)
  if (members.length === 0)
    return { entries, problems: [`${variable}: is missing, empty or not a table. ${example}`] }
  const problems = members.flatMap(([key, value]) => {
    const place = inside(variable, key)
    const { output, problems } = readValue(entry, value, place, example)
    if (!name.test(key)) return [`${place}: ${wrong_name}`, ...problems]
    if (output !== undefined) entries.set(key, output)
    return problems
  })
  return { entries, problems }
}

/** Names a member: `CLIENTS.web.origins[0]`. */
function inside(place: string, key: unknown): string {
  if (typeof key === 'number') return `${place}[${key}]`
  if (typeof key !== 'string' || !PRINTABLE_NAME.test(key)) return place
  return place === '' ? key : `${place}.${key}`
}

function membersOf(value: unknown): [string, unknown][] {
  const isTable = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isTable ? Object.entries(value) : []
}

/** Parses JSON; `undefined` if it is none. */
export function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
