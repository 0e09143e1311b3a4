/** Tests of settings that are checked before a deployment and in the Worker alike: what does nothing, and what is named. */

import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { encoded, secretOf } from '../crypto/keys.ts'

const AUTH = 'https://www.googleapis.com/auth/'
const DRIVE = `${AUTH}drive.file`
const reason = 'Choose photos'
const pick = { scopes: ['photospicker.mediaitems.readonly'], reason }

const RIGHT = {
  BASE_URL: 'https://broker.example',
  GOOGLE_CLIENT_ID: '123-abc.apps.googleusercontent.com',
  GOOGLE_CLIENT_SECRET: 'made-up',
  ENCRYPTION_KEYS: `k1:${encoded(secretOf(1))}`,
  PSEUDONYM_KEY: encoded(secretOf(9)),
  BUNDLES: { pick },
  CLIENTS: { gallery: { origins: ['https://app.example'] } },
  ...{ TOKENS: {}, SUBJECTS: {}, ONE_TIME_USES: {}, SUBJECT_INDEX: {}, CALLBACK_LIMIT: {} },
}

function read(vars: object): { problems: readonly string[]; warnings: readonly string[] } {
  try {
    return { problems: [], warnings: readConfig({ ...RIGHT, ...vars }).warnings }
  } catch (error) {
    return { problems: (error as TypeError).cause as string[], warnings: [] }
  }
}

/** What is said about the scopes of a bundle. */
function problemOf(scope: string, more: object = {}): string | undefined {
  const [first, ...others] = read({ ...more, BUNDLES: { x: { scopes: [scope], reason } } }).problems
  expect(others).toEqual([])
  return first?.replace('BUNDLES.x.scopes[0]: ', '')
}

describe('OTHER_SCOPES', () => {
  it.each([
    [[DRIVE, 'https://mail.google.com/']],
    [JSON.stringify([DRIVE])],
    [`${AUTH}calendar, ${DRIVE}`],
  ])('lets a bundle have the scopes of other Google APIs that it lists: %j', (OTHER_SCOPES) => {
    expect(problemOf(DRIVE, { OTHER_SCOPES })).toBeUndefined()
    const scopes = [...pick.scopes, DRIVE]
    const { config } = readConfig({ ...RIGHT, OTHER_SCOPES, BUNDLES: { both: { scopes, reason } } })
    expect(config.bundles.get('both')?.scopes).toContain(DRIVE)
  })

  it('is named where a full scope URL is unknown, with the nearest that is allowed', () => {
    const hint = / Or list its full URL in OTHER_SCOPES, if it is of another Google API\.$/
    expect(problemOf(DRIVE)).toMatch(
      /^is not a scope of the Photos APIs\. Write one of .*\. Or list/,
    )
    expect(problemOf(DRIVE)).toMatch(hint)
    expect(problemOf(`${AUTH}drive.fil`, { OTHER_SCOPES: [DRIVE] })).toMatch(
      /^drive\.fil is not a scope\. The nearest is drive\.file\. Or list/,
    )
    for (const scope of [
      'drive.file',
      `${AUTH}photoslibrary.apendonly`,
      'https://evil.example/auth/a',
    ])
      expect(problemOf(scope), scope).not.toMatch(hint)
  })

  it.each([
    ...[
      'drive.file',
      'https://evil.example/auth/drive',
      `${AUTH}photoslibrary`,
      AUTH,
      `${AUTH}a b`,
    ],
    ...[`${AUTH}photosambient.mediaitems`, 'http://www.googleapis.com/auth/drive', 7],
  ])('has no %j', (scope) => {
    expect(read({ OTHER_SCOPES: [DRIVE, scope] }).problems).toEqual([
      expect.stringMatching(
        /^OTHER_SCOPES\[1\]: is not the full URL of a scope of another Google API\. Write/,
      ),
    ])
  })

  it('does not bring back a scope that Google removed', () => {
    expect(problemOf('photoslibrary.sharing', { OTHER_SCOPES: [DRIVE] })).toMatch(
      /was removed by Google/,
    )
  })
})

it.each(['photosambient.mediaitems', `${AUTH}photosambient.mediaitems`])(
  'the scope of the Ambient API is refused with its reason: %s',
  (scope) => {
    expect(problemOf(scope)).toMatch(
      /^is of the Ambient API, .* devices .* partner programme .* Write photospicker/,
    )
  },
)

describe('STOPPED', () => {
  it.each([
    ['client:galery', 'Write client:gallery.'],
    ['all,bundle:pic', 'Write bundle:pick.'],
    ['client:x', 'Write all, client:gallery, bundle:pick.'],
  ])(
    'that names no client or bundle is refused with the nearest: %s (TMB-80, TMB-81)',
    (STOPPED, advice) => {
      const { problems } = read({ STOPPED })
      expect(problems).toEqual([
        `STOPPED: names a client or bundle that there is not, and so stops nothing. ${advice}`,
      ])
      expect(read({ STOPPED: 'all, client:gallery,bundle:pick' }).problems).toEqual([])
    },
  )
})

describe('other settings', () => {
  it('a client secret is no client ID, and is not repeated (TMB-81)', () => {
    const { problems } = read({ GOOGLE_CLIENT_ID: 'GOCSPX-canary' })
    expect(problems).toEqual([
      expect.stringMatching(/^GOOGLE_CLIENT_ID: is a client secret\. Write the client ID/),
    ])
    expect(problems[0]).not.toContain('canary')
  })

  it.each(['off', 'On', true, 1])(
    'SECURITY_EVENTS is "on" or left out, not %j',
    (SECURITY_EVENTS) => {
      expect(read({ SECURITY_EVENTS }).problems).toEqual([
        'SECURITY_EVENTS: is not "on". Write "on", or leave it out.',
      ])
      expect(read({ SECURITY_EVENTS: 'on' }).problems).toEqual([])
    },
  )

  it('an idle time longer than the session gives a warning, where it is set', () => {
    const long = { SESSION_IDLE_SECONDS: '7200', SESSION_TTL_SECONDS: 3600 }
    expect(read(long).warnings).toEqual([
      expect.stringMatching(/^SESSION_IDLE_SECONDS: is longer than SESSION_TTL_SECONDS, .* Write/),
    ])
    expect(read({ ...long, SESSION_IDLE_SECONDS: 3600 }).warnings).toEqual([])
    expect(read({ SESSION_TTL_SECONDS: 3600 }).warnings).toEqual([])
  })

  it('two clients of OAuth mode on one origin give a warning', () => {
    const client = (path: string, more = 'https://x.example') => ({
      origins: ['https://ada.github.io', more],
      redirect_uris: [`https://ada.github.io/${path}`],
    })
    const CLIENTS = { a: client('a'), b: client('b', 'https://y.example') }
    expect(read({ CLIENTS }).warnings).toEqual([
      expect.stringMatching(
        /^CLIENTS\.b\.origins: the client a has one of them\. Pages of one origin/,
      ),
    ])
    const web = { origins: ['https://app.example'] }
    expect(read({ CLIENTS: { a: client('a'), web, shop: web } }).warnings).toEqual([])
  })
})
