/** This file is what operators ask and what they are told: names of keys, counts and times, and nothing that opens anything (TMB-79). */

/** How many there are, by `kid`; `?` where that was not noted. */
export type Counts = Record<string, number>

/** What a subject's Durable Object keeps. Times are NumericDates. */
export interface SubjectStats {
  /** The key that seals here; another than the operator's while a deployment is on its way. */
  current: string
  /** Sealed records; the same ones in KV are written from these. */
  records: Counts
  /** Records that could not be resealed: tampered with, or their key is gone. */
  unreadable: number
  /** Live sessions, by the key that was current when they began: it sealed what their browser keeps. */
  sessions: Counts
  /** When the last of these is over, whatever happens; by the same keys. */
  sessions_until: Counts
  grants: GrantSummary[]
  /** KV records that have yet to be written. */
  kv_outbox: number
  /** Refresh tokens that Google has yet to be told are over. */
  revocation_outbox: number
}

/** A grant as operators see it. */
export interface GrantSummary {
  /** Key of its scope set. */
  scope_set_key: string
  granted_at: number
  /** Of the last success at Google. */
  refreshed_at: number
  /** Google could not refresh it the last time. */
  is_failing: boolean
}

/** What became of one subject. */
export interface Report {
  subject: string
  /** Left out where its Durable Object keeps nothing. */
  stats?: SubjectStats
  /** Its Durable Object could not be asked. */
  failed?: true
}

/** A page of subject keys. */
export interface SubjectPage {
  subjects: string[]
  /** Left out on the last page. */
  cursor?: string
}

/** What is configured, as far as an operator has to know. */
export interface Keys {
  /** The `kid` that seals. */
  current: string
  /** Every `kid` that opens. */
  kids: readonly string[]
  /** Names of bundles, by the key of their scope set. */
  bundles: Record<string, string>
}

/** What is wrong with the configuration: names of variables and what to write instead, never a value. */
export interface Faults {
  problems: readonly string[]
}

/** The calls; `operator` is the name somebody goes by, for the log. */
export interface OperatorCalls {
  /** Tells the names of the keys and bundles in use. */
  keys(): Promise<Keys | Faults>
  /** Lists the subjects, a page at a time. KV's list is up to a minute behind. */
  subjects(operator: string, cursor?: string): Promise<SubjectPage>
  /** Has subjects count what they keep; with `reseal`, after sealing it all with the current key. */
  stats(operator: string, subjects: readonly string[], reseal: boolean): Promise<Report[]>
  /** Names the subject of a client's user, as storage knows it; `undefined` for an unknown client. */
  subjectKey(client: string, sub: string): Promise<string | undefined>
  /**
   * Disconnects a subject: forgotten, every session ended, and revoked at Google, as if its user had asked.
   *
   * @returns whether there was anything to forget
   */
  forget(operator: string, subject: string): Promise<boolean>
}
