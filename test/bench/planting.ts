/** This file is what is said between the bench and the Worker that fills the storage. */

/** A subject with everything it has: grants and a session in its Durable Object, records in KV. */
export interface Planting {
  sub: string
  client: string
  bundles: readonly string[]
  access_token: string
  /** Seconds; with less than five minutes it is stale at once. */
  expires_in: number
  /** The key of an OAuth-mode frontend; left out in cookie mode. */
  jkt?: string
}

/** The credential of a planted subject: a `Cookie` header, or a refresh token of the broker. */
export interface Planted {
  cookie?: string
  refresh_token?: string
}

/** What is stored of many, and cookies of some. */
export interface Filled {
  records: { key: string; value: string; expires_at: number }[]
  cookies: string[]
}

/** Many subjects of whom only KV knows, and only an access token. */
export interface Filling {
  from: number
  count: number
  client: string
  bundle: string
  access_token: string
  expires_in: number
  /** A cookie comes back for every so many of them. */
  cookie_each: number
}
