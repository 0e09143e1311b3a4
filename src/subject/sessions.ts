/** This file is the sessions of a subject: which of them live, kept by the one who is the authority on it. */

import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { randomId } from '../crypto/digest.ts'
import type { Ledger, SessionRow } from './ledger.ts'

/** So many browsers may be logged in at once; the one unseen for longest gives way. */
const MAX_SESSIONS = 20

/** An hour is near enough for an idle time of days. */
const MAX_TOUCH_SECONDS = 60 * 60

/** How old the last sight of a session may be before it is noted anew: a sixtieth of the idle time, an hour at most. */
export function touchAfter(config: Config): number {
  return Math.min(MAX_TOUCH_SECONDS, config.session_idle_seconds / 60)
}

/** The sessions of one subject. */
export interface Sessions {
  /** Finds a live session: neither ended, nor idle, nor over its time (TMB-33). */
  live(id: string): SessionRow | undefined
  /** Every live session. */
  all(): SessionRow[]
  /** Notes that a session is in use; tells whether that was news. */
  touch(session: SessionRow): boolean
  /** Begins a session; one of the same family_id is replaced by it (TMB-32). Tells whether others had to go. */
  begin(family_id: string | undefined): { session: SessionRow; evicted: boolean }
  /** Removes those that are over. */
  purge(): void
  /** Whether a session of this family_id is live. */
  isFamilyLive(family_id: string): boolean
  end(id: string): void
  endAll(): void
}

/** Keeps the sessions of a ledger. */
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
      if (now() < session.seen_at + touchAfter(config)) return false
      ledger.put('sessions', { ...session, seen_at: now() })
      return true
    },
    begin(family_id) {
      const live = all()
      const replaced = live.find((session) => session.family_id === family_id)
      const kept = live.filter((session) => session !== replaced)
      const session = {
        id: randomId(),
        family_id: replaced?.family_id ?? randomId(),
        created_at: now(),
        seen_at: now(),
        kid: config.keyring.current,
      }
      const gone = kept.sort((a, b) => b.seen_at - a.seen_at).slice(MAX_SESSIONS - 1)
      for (const { id } of replaced ? [replaced, ...gone] : gone) ledger.remove('sessions', id)
      ledger.put('sessions', session)
      return { session, evicted: replaced !== undefined || gone.length > 0 }
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
