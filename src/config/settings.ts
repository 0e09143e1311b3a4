/** The settings that are one value each: what they may be, and what to write where they are something else. */

import * as v from 'valibot'
import { isSame, parseEncryptionKeys, parseSecret } from '../crypto/keyring.ts'
import { fromJson, text } from './read.ts'
import { isOtherScope } from './scope-rules.ts'
import { isIssuer, isLoopback } from './urls.ts'

const GOOGLE_ISSUER = 'https://accounts.google.com'
const DAY_SECONDS = 24 * 60 * 60
/** The longest life of a session, in seconds. Browsers keep no cookie longer. */
const MAX_SECONDS = 400 * DAY_SECONDS

const BASE_URL = v.pipe(
  text(
    URL.canParse,
    'is not a URL. Write the public URL of this broker, such as https://broker.example.com.',
  ),
  v.transform((url) => new URL(url)),
  v.check(
    (url) => url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)),
    'must begin with https:// (http:// is for localhost only).',
  ),
  v.check(
    ({ search, hash, username, password }) => !(search || hash || username || password),
    'must not carry a query, a fragment or a user name. Write origin and path only.',
  ),
  v.check(
    ({ host }) => !host.includes('*'),
    'must not hold a wildcard. Write the one host name it is served on.',
  ),
  v.transform((url) => {
    const { origin, host, pathname } = url
    const base_path = pathname.replace(/\/+$/, '')
    const is_loopback = isLoopback(url)
    return { base_url: origin + base_path, origin, host, base_path, is_loopback }
  }),
)

const ISSUER = text(
  isIssuer,
  `is not an issuer identifier. Write the "issuer" of the provider's discovery document, or leave it out for ${GOOGLE_ISSUER}.`,
)

const PUBLIC_ISSUER =
  'is an address of this machine, which only a broker on this machine may have (see BASE_URL). Write the public https issuer, or leave it out for Google.'

const GOOGLE_CLIENT_ID = v.pipe(
  text(
    (id) => !id.startsWith('your-client-id'),
    'is missing. Write the client ID of an OAuth client of type "Web application" from the Google Cloud console.',
  ),
  v.check(
    (id) => !id.endsWith('.iam.gserviceaccount.com') && !id.trimStart().startsWith('{'),
    'is of a service account or a key file. The Photos APIs do not support service accounts: write the client ID of a "Web application" client.',
  ),
  v.check(
    (id) => !id.startsWith('GOCSPX-'),
    'is a client secret. Write the client ID, which ends with .apps.googleusercontent.com; and make a new secret, because this one was in the open.',
  ),
  v.check((id) => !/\s/.test(id), 'has white space in it. Write the client ID alone.'),
)

const WRITE_SECRET =
  'Write only the client secret of the "Web application" client: wrangler secret put GOOGLE_CLIENT_SECRET.'
const GOOGLE_CLIENT_SECRET = v.pipe(
  v.string(`is missing. ${WRITE_SECRET}`),
  v.check(
    (secret) => !/service_account|PRIVATE KEY/.test(secret),
    `is a service-account key. The Photos APIs do not support service accounts: only a signed-in user can authorize. ${WRITE_SECRET}`,
  ),
  v.check((secret) => !/[\s{}]/.test(secret), `is a whole file, not a secret. ${WRITE_SECRET}`),
)

const ENCRYPTION_KEYS = parsedBy(
  parseEncryptionKeys,
  'Write kid:base64url(32 random bytes), comma-separated, the encrypting key first: wrangler secret put ENCRYPTION_KEYS.',
)

const PSEUDONYM_KEY = parsedBy(
  parseSecret,
  'Write 32 random bytes as base64url: wrangler secret put PSEUDONYM_KEY.',
)

const CONSISTENCY = v.picklist(
  ['edge', 'strict'],
  'is neither "edge" nor "strict". Write one of them, or leave it out for "edge".',
)

const OTHER_SCOPES = v.pipe(
  v.unknown(),
  v.transform((list) =>
    typeof list === 'string' ? (fromJson(list) ?? list.split(/\s*,\s*/)) : list,
  ),
  v.array(
    text(
      isOtherScope,
      'is not the full URL of a scope of another Google API. Write it as Google does: "https://www.googleapis.com/auth/drive.file". Scopes of Google Photos need no entry.',
    ),
    'is not a list. Write the full scope URLs as a list, or with commas between them, or leave it out.',
  ),
)

const NOT_STOPPABLE = 'is not a list of all, client:ID and bundle:NAME. Write them comma-separated.'
const STOPPED = v.pipe(
  v.union([v.string(), v.array(v.string())], NOT_STOPPABLE),
  v.transform((names) => String(names).split(',')),
  v.transform((names) => names.map((name) => name.trim()).filter(Boolean)),
  v.everyItem((name) => /^(all|(client|bundle):[\w.-]+)$/.test(name), NOT_STOPPABLE),
)

const BINDING = v.custom<object>(
  Boolean,
  'the binding is missing. Copy its section of wrangler.toml from the repository.',
)

/** Every variable and binding but the tables, `undefined` where it is not set. */
export const SETTINGS = v.pipe(
  v.object({
    BASE_URL,
    ISSUER: v.optional(ISSUER, GOOGLE_ISSUER),
    GOOGLE_CLIENT_ID,
    GOOGLE_CLIENT_SECRET,
    ENCRYPTION_KEYS,
    PSEUDONYM_KEY,
    CONSISTENCY: v.optional(CONSISTENCY, 'edge'),
    OTHER_SCOPES: v.optional(OTHER_SCOPES, []),
    SECURITY_EVENTS: v.optional(v.literal('on', 'is not "on". Write "on", or leave it out.')),
    STOPPED: v.nullish(STOPPED, ''),
    SESSION_TTL_SECONDS: seconds(30 * DAY_SECONDS),
    SESSION_IDLE_SECONDS: seconds(7 * DAY_SECONDS),
    TOKENS: BINDING,
    SUBJECTS: BINDING,
    ONE_TIME_USES: BINDING,
    SUBJECT_INDEX: BINDING,
    CALLBACK_LIMIT: BINDING,
  }),
  v.forward(
    v.partialCheck(
      [['ENCRYPTION_KEYS'], ['PSEUDONYM_KEY']],
      (keys) => ![...keys.ENCRYPTION_KEYS.values()].some((key) => isSame(key, keys.PSEUDONYM_KEY)),
      'equals one of ENCRYPTION_KEYS. Write a different key: those change, this one must not.',
    ),
    ['PSEUDONYM_KEY'],
  ),
  v.forward(
    v.partialCheck(
      [['BASE_URL'], ['ISSUER']],
      ({ BASE_URL, ISSUER }) => BASE_URL.is_loopback || !isLoopback(new URL(ISSUER)),
      PUBLIC_ISSUER,
    ),
    ['ISSUER'],
  ),
)

/** The schema of a text that `parse` reads; what is wrong with it `parse` returns as text. */
function parsedBy<T extends object>(parse: (text: string) => T | string, how: string) {
  return v.pipe(
    v.string(`is missing. ${how}`),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      const parsed = parse(dataset.value)
      if (typeof parsed !== 'string') return parsed
      addIssue({ message: `${parsed}. ${how}` })
      return NEVER
    }),
  )
}

/** The schema of a number of seconds, from 60. */
function seconds(fallback: number) {
  const sentence = `must be a whole number of seconds from 60 to ${MAX_SECONDS}; left out, it is ${fallback}.`
  const digits = v.pipe(v.string(), v.regex(/^\d{1,9}$/, sentence), v.transform(Number))
  const number = v.union([v.number(), digits], sentence)
  const isAllowed = (count: number) =>
    Number.isInteger(count) && count >= 60 && count <= MAX_SECONDS
  return v.optional(v.pipe(number, v.check(isAllowed, sentence)), fallback)
}
