/** This file is the watch for secrets: in what is logged, answered and stored there is none. */

import { env } from 'cloudflare:workers'
import type { FaultyGoogle } from './google.ts'

/** Secrets of the configuration. */
function ofConfiguration(): string[] {
  const { GOOGLE_CLIENT_SECRET, ENCRYPTION_KEYS, PSEUDONYM_KEY } = env
  return [GOOGLE_CLIENT_SECRET, ENCRYPTION_KEYS.split(':')[1] ?? '', PSEUDONYM_KEY]
}

/** Tells what kind of secret is in a text; nothing when there is none. */
export function findSecret(
  google: FaultyGoogle,
  text: string,
  more: { names?: readonly string[]; handed_out?: string } = {},
): string | undefined {
  if (ofConfiguration().some((secret) => text.includes(secret))) return 'a secret of the broker'
  if (text.includes('canary')) return 'words of an error of others'
  for (const secret of google.secrets)
    if (text.includes(secret)) return 'a code or a token of Google'
  for (const token of google.issued.keys())
    if (token !== more.handed_out && text.includes(token)) return 'an access token'
  return more.names?.some((name) => text.includes(name))
    ? 'the name of a user or a scope'
    : undefined
}
