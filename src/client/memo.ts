/** Small things that all tabs know: the sign-out that has to reach the broker, and the consents that are under way. */

/** Values by name, in `localStorage`; only in this tab where that is blocked. */
export interface Memo {
  get<T>(key: string): T | undefined
  /** Stores a value; `undefined` removes it. */
  set(key: string, value: unknown): void
}

/** Opens the memo of a broker. It never throws. */
export function openMemo(name: string): Memo {
  const inMemory = new Map<string, string>()
  return {
    get(key) {
      let text: string | null | undefined
      try {
        text = localStorage.getItem(name + key)
      } catch {} // site data is blocked
      text ??= inMemory.get(key)
      return text === undefined ? undefined : JSON.parse(text)
    },
    set(key, value) {
      const text = JSON.stringify(value)
      try {
        if (text === undefined) localStorage.removeItem(name + key)
        else localStorage.setItem(name + key, text)
      } catch {
        inMemory.set(key, text)
      }
      if (text === undefined) inMemory.delete(key)
    },
  }
}

/** A consent that is under way: what the page that its user comes back to has to know. */
export interface PendingConsent {
  /** RFC 6749 §4.1.1; it begins with `p.` in a popup, and with `r.` where the page itself went to Google. */
  state: string
  bundle: string
  /** Where the page was. */
  href: string
  /** RFC 7636 §4.1; used in OAuth mode. */
  code_verifier: string
  /** Milliseconds of this machine's clock. */
  began_at: number
}

const KEY = ' pending'
/** How long a consent can be finished: as long as the broker remembers it, in milliseconds. */
const LIFE_MS = 10 * 60 * 1000
/** How many are kept; users abandon windows. */
const MAX_PENDING = 5

/** Remembers a consent that begins, and forgets those that nobody will finish. */
export function addPending(memo: Memo, pending: PendingConsent): void {
  const others = (memo.get<PendingConsent[]>(KEY) ?? []).filter(
    ({ began_at }) => began_at > pending.began_at - LIFE_MS,
  )
  memo.set(KEY, [pending, ...others].slice(0, MAX_PENDING))
}

/** Finds the consent of a state, which can be finished once. */
export function takePending(memo: Memo, state: string | undefined): PendingConsent | undefined {
  const all = memo.get<PendingConsent[]>(KEY) ?? []
  const rest = all.filter((pending) => pending.state !== state)
  memo.set(KEY, rest.length > 0 ? rest : undefined)
  return all.find((pending) => pending.state === state)
}
