/** The session of a broker as a store of React: read once for all components, and again after each change. */

import type { Broker, BrokerError, SessionResponse } from '../index.ts'

/** What `useSession` returns. */
export interface Session {
  /** `undefined` while nobody is signed in, and until the broker has answered for the first time. */
  readonly session: SessionResponse | undefined
  /** Why the session could not be read, or why a consent without a popup failed. */
  readonly error: BrokerError | undefined
  /** Whether the broker has not answered yet; on a server it never does. */
  readonly isLoading: boolean
}

/** A store for `useSyncExternalStore`. */
interface SessionStore {
  get(this: void): Session
  subscribe(this: void, listener: () => void): () => void
  /** Calls a listener when the session has ended. @returns a function that removes it */
  onSignOut(listener: () => void): () => void
}

/** Before the first answer, and on a server. */
export const LOADING: Session = { session: undefined, error: undefined, isLoading: true }

const stores = new WeakMap<Broker, SessionStore>()

/** Gets the store of a broker's session: one for all components. */
export function sessionOf(broker: Broker): SessionStore {
  const store = stores.get(broker) ?? openSession(broker)
  stores.set(broker, store)
  return store
}

/** Follows changes for as long as the broker lives, which is that of the page. */
function openSession(broker: Broker): SessionStore {
  const listeners = new Set<() => void>()
  const signOuts = new Set<() => void>()
  let state = LOADING
  let running: Promise<void> | undefined
  let failure: BrokerError | undefined // of a consent without a popup; until the next change
  let isFollowing = false
  const load = (): void => {
    const settle = (session?: SessionResponse, error = failure): void => {
      if (running !== request) return // asked again since
      state = { session, error, isLoading: false }
      for (const listener of listeners) listener()
    }
    const request = broker.session().then(
      (session) => settle(session),
      (error) => settle(undefined, error.code === 'login_required' ? failure : error),
    )
    running = request
  }
  /** There is one listener: what came of a redirect is kept for the first one only. */
  const follow = (): void => {
    if (isFollowing) return
    isFollowing = true
    broker.on('change', (change) => {
      failure = change.type === 'failed' ? change.error : undefined
      if (running) load()
      if (change.type === 'signed-out') for (const listener of signOuts) listener()
    })
  }
  return {
    get: () => state,
    subscribe(listener) {
      listeners.add(listener)
      follow()
      if (!running || state.error) load()
      return () => void listeners.delete(listener)
    },
    onSignOut(listener) {
      signOuts.add(listener)
      follow()
      return () => void signOuts.delete(listener)
    },
  }
}
