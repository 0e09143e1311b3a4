/** The calls of the operator's entrypoint and their answers: names of keys, counts and times; no key and no token (TMB-79). */

/** Counts by `kid`; `?` where the key is unknown. */
export type Counts = Record<string, number>

/** What a subject's Durable Object stores. Times are NumericDates. */
export interface SubjectStats {
  /** Id of the key that encrypts in this object; an older one while a deployment is in progress. */
  current: string
  /** Encrypted records in the object; KV has copies of them. */
  records: Counts
  /** Records that cannot be decrypted: changed, or their key is gone. */
  unreadable: number
  /** Sessions, by the key that was current when they began: it encrypted their cookie or refresh token. */
  sessions: Counts
  /** When the last of these sessions ends at the latest, by the same keys. */
  sessions_until: Counts
  grants: GrantSummary[]
  /** KV records that are not written yet. */
  kv_outbox: number
  /** Refresh tokens that are not revoked at Google yet. */
  revocation_outbox: number
}

/** A grant as operators see it. */
export interface GrantSummary {
  /** Key of its scope set. */
  scope_set_key: string
  granted_at: number
  /** Time of the last successful refresh. */
  refreshed_at: number
  /** Whether the last refresh failed. */
  is_failing: boolean
}

/** The answer about one subject. */
export interface Report {
  subject: string
  /** Left out if its Durable Object stores nothing. */
  stats?: SubjectStats
  /** Its Durable Object did not answer. */
  failed?: true
}

/** A page of subject keys. */
export interface SubjectPage {
  subjects: string[]
  /** Left out on the last page. */
  cursor?: string
}

/** The keys and bundles of the configuration, by name. */
export interface Keys {
  /** Id of the key that encrypts. */
  current: string
  /** Ids of all keys that decrypt. */
  kids: readonly string[]
  /** Names of bundles, by the key of their scope set. */
  bundles: Record<string, string>
}

/** The calls; `operator` is the name of the operator for the log. */
export interface OperatorCalls {
  /** Returns the names of the keys and bundles in use, or what is wrong with the configuration, without a value. */
  keys(): Promise<Keys | { problems: readonly string[] }>
  /** Lists the subjects, a page for each call. KV's list is up to a minute behind. */
  subjects(operator: string, cursor?: string): Promise<SubjectPage>
  /** Counts what subjects store; with `reseal`, after encrypting all of it with the current key. */
  stats(operator: string, subjects: readonly string[], reseal: boolean): Promise<Report[]>
  /** Returns the subject key of a client's user; `undefined` for an unknown client. */
  subjectKey(client: string, sub: string): Promise<string | undefined>
  /**
   * Disconnects a subject as its user can: deletes its records, ends its sessions, revokes at Google.
   *
   * @returns whether anything was stored
   */
  forget(operator: string, subject: string): Promise<boolean>
}
