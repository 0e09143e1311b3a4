/** This file is the sessions of a subject: which of them live, kept by the one who is the authority on it. */

import { now } from '../clock.ts'
import type { Config } from '../config.ts'
import { randomId } from '../crypto/digest.ts'
import type { Ledger, SessionRow } from './ledger.ts'

/** So many browsers may be logged in at once; the one unseen for longest gives way. */
const MAX_SESSIONS = 20

/** An hour is near enough for an idle time of days. */
const MAX_TOUCH_SECONDS = 60 * 60

/** How old the last sight of a session may be before it is noted anew: a quarter of the idle time, an hour at most. */
export function touchAfter(config: Config): number {
  return Math.min(MAX_TOUCH_SECONDS, config.session_idle_seconds / 4)
}

/** The sessions of one subject. */
export interface Sessions {
  /** Finds a live session: neither ended, nor idle, nor over its time (TMB-33). */
  live(id: string): SessionRow | undefined
  /** Every live session. */
  all(): SessionRow[]
  /** Notes that a session is in use; tells whether that was news. */
  touch(session: SessionRow): boolean
  /** Begins a session; one of the same line is replaced by it (TMB-32). */
  begin(line: string | undefined): SessionRow
  /** Whether a session of this line is live. */
  isLineLive(line: string): boolean
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
    begin(line) {
      const replaced = all().find((session) => session.line === line)
      if (replaced) ledger.remove('sessions', replaced.id)
      for (const { id } of surplus(ledger.all('sessions'), isLive)) ledger.remove('sessions', id)
      const session = {
        id: randomId(),
        line: replaced?.line ?? randomId(),
        created_at: now(),
        seen_at: now(),
      }
      ledger.put('sessions', session)
      return session
    },
    isLineLive: (line) => all().some((session) => session.line === line),
    end: (id) => ledger.remove('sessions', id),
    endAll: () => ledger.clear('sessions'),
  }
}

/** What has to go before one more begins: the dead, then those unseen for longest. */
function surplus(sessions: SessionRow[], isLive: (session: SessionRow) => boolean): SessionRow[] {
  const [live, dead] = [sessions.filter(isLive), sessions.filter((session) => !isLive(session))]
  return [...dead, ...live.sort((a, b) => b.seen_at - a.seen_at).slice(MAX_SESSIONS - 1)]
}
