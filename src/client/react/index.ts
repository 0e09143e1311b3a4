/** The SDK for React 18 and later: a broker, its session and picked photos as hooks. */

import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { type Broker, type BrokerOptions, createBroker } from '../index.ts'
import { type PickedItem, type PickOptions, pickPhotos } from '../photos/index.ts'
import { LOADING, openSession, type Session, type SessionStore } from './session-store.ts'

export type { Session }

/** What `usePhotos` returns. */
export interface Photos {
  /** Runs `pickPhotos`. Call it in a click. It ends a pick that still runs. */
  readonly pick: () => void
  /** What was picked last; empty at first. */
  readonly photos: readonly PickedItem[]
  /** Why the last pick failed: what `pickPhotos` threw. */
  readonly error: Error | undefined
  readonly isPicking: boolean
}

const IDLE: Omit<Photos, 'pick'> = { photos: [], error: undefined, isPicking: false }
const stores = new WeakMap<Broker, SessionStore>()

/**
 * Gets the broker for these options: one for equal options, in every component and render. On a server its methods throw
 * `no_page`. Call it in a component that is there when the page loads, since the result of a consent arrives then.
 *
 * @throws {TypeError} if `client` is missing in OAuth mode
 */
export function useBroker(options: BrokerOptions): Broker {
  return createBroker(options)
}

/** Reads the session, and again after each change in this tab or another. All components share one request. */
export function useSession(broker: Broker): Session {
  const store = stores.get(broker) ?? openSession(broker)
  stores.set(broker, store)
  return useSyncExternalStore(store.subscribe, store.get, () => LOADING)
}

/** Picks photos into the state of a component. When it is unmounted, the pick ends. */
export function usePhotos(broker: Broker, options?: Omit<PickOptions, 'signal'>): Photos {
  const [state, setState] = useState<Omit<Photos, 'pick'>>(IDLE)
  const running = useRef<AbortController | undefined>(undefined)
  useEffect(() => () => running.current?.abort(), [])
  const pick = (): void => {
    running.current?.abort()
    const own = new AbortController()
    running.current = own
    const update = (change: Partial<Photos>): void => {
      if (running.current === own) setState((now) => ({ ...now, ...change }))
    }
    update({ error: undefined, isPicking: true })
    pickPhotos(broker, { ...options, signal: own.signal }).then(
      (photos) => update({ photos, isPicking: false }),
      (error) => update({ error: own.signal.aborted ? undefined : error, isPicking: false }),
    )
  }
  return { ...state, pick }
}
