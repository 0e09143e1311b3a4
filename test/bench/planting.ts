/** The requests to the Worker that fills the storage before a run, and its answers. */

/** A subject to store completely: grants and a session in its Durable Object, records in KV. */
export interface Planting {
  sub: string
  client: string
  bundles: readonly string[]
  access_token: string
  /** Seconds; a token with less than five minutes is stale at once. */
  expires_in: number
  /** Thumbprint of the DPoP key in OAuth mode; absent in cookie mode. */
  jkt?: string
}

/** The credential of a stored subject: a `Cookie` header, or a refresh token of the broker. */
export interface Planted {
  cookie?: string
  refresh_token?: string
}

/** Many subjects that have only an access token in KV. */
export interface Filling {
  /** Number of the first subject. */
  from: number
  count: number
  client: string
  bundle: string
  access_token: string
  expires_in: number
  /** Key of the bare Workers' namespace, for a copy of the record of subject 0. */
  copy_to: string
  /** A cookie is returned for every n-th subject. */
  cookie_each: number
}
