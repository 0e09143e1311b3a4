/** The least configuration that a broker needs. */

import { encoded, secretOf } from '../crypto/keys.ts'

/** An entry of `ENCRYPTION_KEYS`. */
export const KEY = `k1:${encoded(secretOf(1))}`

/** The variables. */
export const RIGHT = {
  BASE_URL: 'https://broker.example',
  GOOGLE_CLIENT_ID: '123-abc.apps.googleusercontent.com',
  GOOGLE_CLIENT_SECRET: 'GOCSPX-abc_DEF-123',
  ENCRYPTION_KEYS: KEY,
  PSEUDONYM_KEY: encoded(secretOf(9)),
  BUNDLES: { pick: { scopes: ['photospicker.mediaitems.readonly'], reason: 'Choose photos' } },
  TOKENS: {},
  SUBJECTS: {},
  ONE_TIME_USES: {},
  SUBJECT_INDEX: {},
  CALLBACK_LIMIT: {},
}
