/** This file is the settings one by one: what each variable may be, and what to write where it is something else. */

import { parseEncryptionKeys, parseSecret } from '../crypto/keyring.ts'
import { isIssuer, isLoopback } from './urls.ts'

const GOOGLE_ISSUER = 'https://accounts.google.com'
const MAX_SECONDS = 400 * 24 * 60 * 60

/** Takes note of what is wrong with a variable. */
export type Fault = (name: string, problem: string) => undefined

/** Reads `BASE_URL`, and takes it apart. */
export function readBaseUrl(
  value: unknown,
  fault: Fault,
): { href: string; origin: string; host: string; path: string } | undefined {
  const url = typeof value === 'string' ? URL.parse(value) : null
  if (!url)
    return fault(
      'BASE_URL',
      'is not a URL. Write the public URL of this broker, such as https://broker.example.com.',
    )
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url))) {
    return fault('BASE_URL', 'must begin with https:// (http:// is for localhost only).')
  }
  if (url.search || url.hash || url.username || url.password) {
    return fault(
      'BASE_URL',
      'must not carry a query, a fragment or a user name. Write origin and path only.',
    )
  }
  if (url.host.includes('*'))
    return fault('BASE_URL', 'must not hold a wildcard. Write the one host name it is served on.')
  const path = url.pathname.replace(/\/+$/, '')
  return { href: url.origin + path, origin: url.origin, host: url.host, path }
}

/** Reads `ISSUER`; left out: Google. */
export function readIssuer(value: unknown, fault: Fault): string | undefined {
  if (value === undefined || value === '') return GOOGLE_ISSUER
  if (typeof value !== 'string' || !isIssuer(value)) {
    return fault(
      'ISSUER',
      `is not an issuer identifier. Write the "issuer" of the provider's discovery document, or leave it out for ${GOOGLE_ISSUER}.`,
    )
  }
  return value
}

/** Reads `GOOGLE_CLIENT_ID`. */
export function readClientId(value: unknown, fault: Fault): string | undefined {
  if (typeof value !== 'string' || value === '' || value.startsWith('your-client-id')) {
    return fault(
      'GOOGLE_CLIENT_ID',
      'is missing. Write the client ID of an OAuth client of type "Web application" from the Google Cloud console.',
    )
  }
  if (value.endsWith('.iam.gserviceaccount.com') || value.trimStart().startsWith('{')) {
    return fault(
      'GOOGLE_CLIENT_ID',
      'is of a service account or a key file. The Photos APIs do not support service accounts: write the client ID of a "Web application" client.',
    )
  }
  if (/\s/.test(value)) {
    return fault('GOOGLE_CLIENT_ID', 'has white space in it. Write the client ID alone.')
  }
  return value
}

/** Reads `GOOGLE_CLIENT_SECRET`. */
export function readClientSecret(value: unknown, fault: Fault): string | undefined {
  const how =
    'Write only the client secret of the "Web application" client: wrangler secret put GOOGLE_CLIENT_SECRET.'
  if (typeof value !== 'string' || value === '')
    return fault('GOOGLE_CLIENT_SECRET', `is missing. ${how}`)
  if (value.includes('service_account') || value.includes('PRIVATE KEY')) {
    return fault(
      'GOOGLE_CLIENT_SECRET',
      `is a service-account key. The Photos APIs do not support service accounts, only a signed-in user can authorize. ${how}`,
    )
  }
  if (/[\s{}]/.test(value))
    return fault('GOOGLE_CLIENT_SECRET', `is a whole file, not a secret. ${how}`)
  return value
}

/** Reads `ENCRYPTION_KEYS`, in order of preference. */
export function readEncryptionKeys(
  value: unknown,
  fault: Fault,
): ReadonlyMap<string, Uint8Array<ArrayBuffer>> | undefined {
  const how =
    'Write kid:base64url(32 random bytes), comma-separated, the sealing key first: wrangler secret put ENCRYPTION_KEYS.'
  if (typeof value !== 'string' || value === '')
    return fault('ENCRYPTION_KEYS', `is missing. ${how}`)
  const secrets = parseEncryptionKeys(value)
  return typeof secrets === 'string' ? fault('ENCRYPTION_KEYS', `${secrets}. ${how}`) : secrets
}

/** Reads `PSEUDONYM_KEY`. */
export function readPseudonymKey(
  value: unknown,
  fault: Fault,
): Uint8Array<ArrayBuffer> | undefined {
  const how = 'Write 32 random bytes as base64url: wrangler secret put PSEUDONYM_KEY.'
  if (typeof value !== 'string' || value === '') return fault('PSEUDONYM_KEY', `is missing. ${how}`)
  const secret = parseSecret(value)
  return typeof secret === 'string' ? fault('PSEUDONYM_KEY', `${secret}. ${how}`) : secret
}

/** Reads `CONSISTENCY`; left out: `edge`. */
export function readConsistency(value: unknown, fault: Fault): 'edge' | 'strict' | undefined {
  if (value === undefined || value === '' || value === 'edge') return 'edge'
  if (value === 'strict') return 'strict'
  return fault(
    'CONSISTENCY',
    'is neither "edge" nor "strict". Write one of them, or leave it out for "edge".',
  )
}

/** Reads `STOPPED`: `all`, `client:ID`, `bundle:NAME`, comma-separated; left out: nothing is stopped (TMB-80). */
export function readStopped(value: unknown, fault: Fault): readonly string[] | undefined {
  const names = String(value ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  if (names.every((name) => /^(all|(client|bundle):[\w.-]+)$/.test(name))) return names
  return fault('STOPPED', 'is none of all, client:ID and bundle:NAME, comma-separated.')
}

/** Reads a number of seconds, which may be left out. */
export function readSeconds(
  name: 'SESSION_TTL_SECONDS' | 'SESSION_IDLE_SECONDS',
  vars: Readonly<Record<string, unknown>>,
  fallback: number,
  fault: Fault,
): number | undefined {
  const value = vars[name]
  if (value === undefined || value === '') return fallback
  const seconds = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
  if (
    typeof seconds === 'number' &&
    Number.isInteger(seconds) &&
    seconds >= 60 &&
    seconds <= MAX_SECONDS
  )
    return seconds
  return fault(
    name,
    `must be a whole number of seconds from 60 to ${MAX_SECONDS}; left out, it is ${fallback}.`,
  )
}
