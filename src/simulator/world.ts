/** This file is the World: everything the simulator remembers, as plain JSON. Points in time are NumericDates, in seconds. */

import type { JWK } from 'jose'
import type { Call } from './call-log.ts'
import type { Fault } from './faults/vocabulary.ts'
import type { Album, MediaItem, MediaUrl, PickerSession, Upload } from './photos/records.ts'

/** A made-up person's Google account. */
export interface Account {
  sub: string
  email: string
  name: string
  /** The domain of a Workspace account. */
  hd?: string | undefined
}

/** What a person allowed an app: each scope with the time it was granted and, when it is limited, ends. */
export interface Consent {
  client_id: string
  sub: string
  scopes: Record<string, { granted_at: number; expires_at?: number | undefined }>
}

/** An authorization code. It is kept after its use, so that a second use is noticed. */
export interface Code {
  client_id: string
  sub: string
  scopes: string[]
  redirect_uri: string
  nonce?: string | undefined
  code_challenge?: string | undefined
  /** Whether a refresh token comes with it. */
  offline: boolean
  /** When a time-limited access ends. */
  access_expires_at?: number | undefined
  expires_at: number
  used: boolean
}

/** A refresh token that has not died; those that have are not here. */
export interface RefreshToken {
  client_id: string
  sub: string
  scopes: string[]
  /** The code it came from. */
  code: string
  issued_at: number
  used_at: number
  /** Of time-limited access. */
  expires_at?: number | undefined
}

/** An access token. */
export interface AccessToken {
  client_id: string
  sub: string
  scopes: string[]
  /** The code it, or its refresh token, came from. */
  code: string
  expires_at: number
}

/** An event that was sent, or that nobody was there to receive. */
export interface SentEvent {
  jti: string
  type: string
  client_id: string
  /** NumericDate. */
  time: number
  /** What the receiver answered; 0 when it could not be reached. */
  status: number
}

/** How this Google is set up; `POST /__settings` changes it. */
export interface Settings {
  /** The app's state in the console: in `testing`, consents and refresh tokens end after 7 days. */
  publishing: 'production' | 'testing'
  /** Whether `iss` comes with the redirect, as it does for some of Google's clients. */
  iss_on_redirect: boolean
  /** The Cross-Origin-Opener-Policy of the sign-in pages; `same-origin` cuts a popup off from its opener. */
  opener_policy: 'unsafe-none' | 'same-origin'
  /** How often a frontend is told to ask whether photos were picked, in seconds. */
  poll_interval_seconds: number
  /** How far this Google's clock is ahead of the machine's, in seconds: to see a grant age. */
  clock_ahead_seconds: number
}

/** Everything, by id or by token. */
export interface World {
  settings: Settings
  accounts: Account[]
  consents: Consent[]
  codes: Record<string, Code>
  refresh_tokens: Record<string, RefreshToken>
  access_tokens: Record<string, AccessToken>
  /** The private key that ID tokens are signed with; made when it is first needed. */
  signing_key?: JWK
  picker_sessions: Record<string, PickerSession>
  uploads: Record<string, Upload>
  media_items: Record<string, MediaItem>
  media_urls: Record<string, MediaUrl>
  albums: Record<string, Album>
  faults: Fault[]
  log: Call[]
  /** What apps were told of their users' accounts. */
  events: SentEvent[]
}

/** Makes a World in which nothing has happened yet. */
export function createWorld(settings: Partial<Settings> = {}): World {
  return {
    settings: {
      publishing: 'production',
      iss_on_redirect: false,
      opener_policy: 'unsafe-none',
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
