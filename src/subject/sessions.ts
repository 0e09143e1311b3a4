/** The sessions of a subject: begins, finds and ends them. */

import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { randomId } from '../crypto/digest.ts'
import type { Ledger, SessionRow } from './ledger.ts'

/** How many sessions can be live at once; a new one replaces the one unused for longest. */
const MAX_SESSIONS = 20

/** The longest touch interval, in seconds: one hour is exact enough for an idle time of days. */
const MAX_TOUCH_SECONDS = 60 * 60

/** How often the use of a session is recorded, in seconds: a sixtieth of the idle time, at most an hour. */
export function touchInterval(config: Config): number {
  return Math.min(MAX_TOUCH_SECONDS, config.session_idle_seconds / 60)
}

/** The sessions of one subject. */
export interface Sessions {
  /** Finds a live session: not ended, not idle, not expired (TMB-33). */
  live(id: string): SessionRow | undefined
  /** Lists the live sessions. */
  all(): SessionRow[]
  /** Records that a session is in use. @returns whether the record changed */
  touch(session: SessionRow): boolean
  /**
   * Begins a session, which replaces the one of `replaced` (TMB-32).
   *
   * @param family_id its family; left out, that of `replaced` or a new one
   * @returns it, and whether any was removed
   */
  begin(
    replaced: string | undefined,
    family_id?: string,
  ): { id: string; family_id: string; evicted: boolean }
  /** Ends the other sessions of the family of a session. @returns whether there were any */
  endSiblings(id: string): boolean
  /** Deletes the sessions that are not live. */
  purge(): void
  /** Whether a session of this family is live. */
  isFamilyLive(family_id: string): boolean
  end(id: string): void
  endAll(): void
}

/** Makes the sessions of a subject. */
export function createSessions(ledger: Ledger, config: Config): Sessions {
  const isLive = ({ created_at, seen_at }: SessionRow): boolean =>
    now() < created_at + config.session_ttl_seconds && now() < seen_at + config.session_idle_seconds
  const all = (): SessionRow[] => ledger.all('sessions').filter(isLive)
  return {
    all,
    live(id) {
      const session = ledger.find('sessions', id)
      return session && isLive(session) ? session : undefined
    },
    touch(session) {
      if (now() < session.seen_at + touchInterval(config)) return false
      ledger.put('sessions', { ...session, seen_at: now() })
      return true
    },
    begin(replaced_family, family_id = replaced_family ?? randomId()) {
      const live = all()
      const replaced = live.filter((session) => session.family_id === replaced_family)
      const others = live.filter((session) => session.family_id !== replaced_family)
      const id = randomId()
      const at = now()
      const surplus = others.sort((a, b) => b.seen_at - a.seen_at).slice(MAX_SESSIONS - 1)
      const removed = [...replaced, ...surplus]
      for (const { id } of removed) ledger.remove('sessions', id)
      const { current: kid } = config.keyring
      ledger.put('sessions', { id, family_id, created_at: at, seen_at: at, kid })
      return { id, family_id, evicted: removed.length > 0 }
    },
    endSiblings(id) {
      const family = ledger.find('sessions', id)?.family_id
      const siblings = all().filter((other) => other.family_id === family && other.id !== id)
      for (const { id } of siblings) ledger.remove('sessions', id)
      return siblings.length > 0
    },
    purge() {
      for (const session of ledger.all('sessions'))
        if (!isLive(session)) ledger.remove('sessions', session.id)
    },
    isFamilyLive: (family_id) => all().some((session) => session.family_id === family_id),
    end: (id) => ledger.remove('sessions', id),
    endAll: () => ledger.clear('sessions'),
  }
}
