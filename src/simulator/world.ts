/** The World: the whole state of the simulator, as plain JSON. Points in time are NumericDates, in seconds. */

import type { JWK } from 'jose'
import type { Call } from './call-log.ts'
import type { Fault } from './faults/vocabulary.ts'
import type { Album, MediaItem, MediaUrl, PickerSession, Upload } from './photos/records.ts'

/** The Google account of a made-up user. */
export interface Account {
  sub: string
  email: string
  name: string
  /** The domain of a Workspace account. */
  hd?: string | undefined
}

/** The consent of a user to a project: each scope with the time it was granted and, if limited, the time it ends. */
export interface Consent {
  project: string
  sub: string
  scopes: Record<string, { granted_at: number; expires_at?: number | undefined }>
}

/** An authorization code. It is stored after its use too, so that a second use is detected. */
export interface Code {
  client_id: string
  sub: string
  scopes: string[]
  redirect_uri: string
  nonce?: string | undefined
  code_challenge?: string | undefined
  /** Whether a refresh token is issued with it. */
  offline: boolean
  /** When time-limited access ends. */
  access_expires_at?: number | undefined
  expires_at: number
  used: boolean
}

/** A refresh token. One that has ended is deleted. */
export interface RefreshToken {
  client_id: string
  sub: string
  scopes: string[]
  /** The code it was issued for. */
  code: string
  issued_at: number
  used_at: number
  /** When time-limited access ends. */
  expires_at?: number | undefined
}

/** An access token. */
export interface AccessToken {
  client_id: string
  sub: string
  scopes: string[]
  /** The code it was issued for, or its refresh token was. */
  code: string
  expires_at: number
}

/** A security event that was sent. */
export interface SentEvent {
  jti: string
  type: string
  client_id: string
  /** NumericDate. */
  time: number
  /** HTTP status of the receiver's answer; 0 if it could not be reached. */
  status: number
}

/** Settings; `POST /__settings` changes them. */
export interface Settings {
  /** Publishing status of the app: in `testing`, consents and refresh tokens end after 7 days. */
  publishing: 'production' | 'testing'
  /** Whether the redirect has `iss` (RFC 9207), as for some of Google's clients. */
  iss_on_redirect: boolean
  /** The Cross-Origin-Opener-Policy of the sign-in pages; `same-origin` cuts a popup off from its opener. */
  opener_policy: 'unsafe-none' | 'same-origin'
  /** Whether the boxes of the consent page are ticked at first; those of Google are not. */
  boxes_ticked: boolean
  /** The `pollInterval` of a picker session, in seconds. */
  poll_interval_seconds: number
  /** How far the simulator's clock is ahead of the machine's, in seconds. */
  clock_ahead_seconds: number
}

/** The whole state. Records are by id, or by the token itself. */
export interface World {
  settings: Settings
  accounts: Account[]
  consents: Consent[]
  codes: Record<string, Code>
  refresh_tokens: Record<string, RefreshToken>
  access_tokens: Record<string, AccessToken>
  /** The private key that signs ID tokens; made at its first use. */
  signing_key?: JWK
  picker_sessions: Record<string, PickerSession>
  uploads: Record<string, Upload>
  media_items: Record<string, MediaItem>
  media_urls: Record<string, MediaUrl>
  albums: Record<string, Album>
  faults: Fault[]
  log: Call[]
  /** The latest security events. */
  events: SentEvent[]
}

/** Makes an empty World with three accounts. */
export function createWorld(settings: Partial<Settings> = {}): World {
  return {
    settings: {
      publishing: 'production',
      iss_on_redirect: false,
      opener_policy: 'unsafe-none',
      boxes_ticked: false,
      poll_interval_seconds: 5,
      clock_ahead_seconds: 0,
      ...settings,
    },
    accounts: [
      { sub: '110248495921238986420', email: 'ada@example.com', name: 'Ada Brook' },
      { sub: '104211057893346619057', email: 'ben.okafor@example.com', name: 'Ben Okafor' },
      {
        sub: '117739020481165532946',
        email: 'chiara@studio.example',
        name: 'Chiara Lund',
        hd: 'studio.example',
      },
    ],
    consents: [],
    codes: {},
    refresh_tokens: {},
    access_tokens: {},
    picker_sessions: {},
    uploads: {},
    media_items: {},
    media_urls: {},
    albums: {},
    faults: [],
    log: [],
    events: [],
  }
}
