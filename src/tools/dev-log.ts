/** What the terminal of `npm start` shows of a Worker's output: refusals, failures and warnings, in plain words. */

import type { LogRecord } from '../audit/log.ts'

/** A line of the broker's log; `description` is the fixed sentence of the reason. */
type Line = Partial<LogRecord & { outcome: string; origin: string; description: string }>

/** What wrangler writes before a warning or an error. */
const LEVEL = /^\S+ \[(?:WARNING|ERROR)\] /

/**
 * Formats a line of output for people.
 *
 * @param isError whether it was written to stderr, where wrangler writes what must be seen
 * @returns the lines to print; none for what is neither a refusal, a failure nor a warning
 */
export function formatOutput(text: string, isError: boolean): string[] {
  const line = toLine(text)
  if (!line) return isError && text !== '' ? [text] : []
  const { event = '', level, problems = [] } = line
  if (event === 'configuration_odd') return problems.map((problem) => `warning: ${problem}`)
  if (problems.length > 0) return ['the configuration is faulty:', ...problems]
  if (line.reason === 'dpop_nonce') return [] // a step of every library that knows no nonce yet
  if (event === 'request_refused') return [formatRequest(line, 'refused')]
  if (event === 'request_failed') return [formatRequest(line, 'failed')]
  if (level === 'info') return []
  return [[event, line.reason].filter(Boolean).join(': ')]
}

/** Such as: `/authorize refused: invalid_request (redirect_uri_unknown). …` and who asked. */
function formatRequest(line: Line, what: string): string {
  const { route = '', outcome = '', reason = '', description, client, origin } = line
  const causes = reason.replace(/ \((.*)\)$/, ': $1') // of a failure: its classes
  const who = [client && `client ${client}`, origin && `origin ${origin}`].filter(Boolean)
  return [
    `${route} ${what}: ${outcome} (${causes}).`,
    ...(description ? [description] : []),
    ...(who.length > 0 ? [`[${who.join(', ')}]`] : []),
  ].join(' ')
}

function toLine(text: string): Line | undefined {
  const json = text.replace(LEVEL, '')
  if (!json.startsWith('{"at":')) return undefined
  try {
    return JSON.parse(json) as Line
  } catch {
    return undefined
  }
}
