/** The SDK for React 18 and later: a broker, its session and picked photos as hooks. */

import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { type Broker, type BrokerError, type BrokerOptions, createBroker } from '../index.ts'
import {
  type PhotosError,
  type PickedItem,
  type PickOptions,
  type PickState,
  pickPhotos,
} from '../photos/index.ts'
import { LOADING, type Session, sessionOf } from './session-store.ts'

export type { Session }

/** What `usePhotos` returns. */
export interface Photos {
  /** Runs `pickPhotos`. Call it in a click. It ends a pick that still runs. */
  readonly pick: () => void
  /** What was picked last; empty at first and after a sign-out. */
  readonly photos: readonly PickedItem[]
  /** What the running pick is doing; `undefined` if none runs. */
  readonly state: PickState | undefined
  /** Why the last pick failed: what `pickPhotos` threw. */
  readonly error: BrokerError | PhotosError | undefined
  readonly isPicking: boolean
}

type Picking = Omit<Photos, 'pick'>
const IDLE: Picking = { photos: [], state: undefined, error: undefined, isPicking: false }

/**
 * Gets the broker for these options: one for equal options, in every component and render. On a server its methods
 * throw `no_page`. Call it in a component that is there when the page loads, since the result of a consent arrives then.
 *
 * @throws {TypeError} if `client` is missing in OAuth mode
 */
export function useBroker(options: BrokerOptions): Broker {
  return createBroker(options)
}

/** Reads the session, and again after each change in this tab or another. All components share one request. */
export function useSession(broker: Broker): Session {
  const store = sessionOf(broker)
  return useSyncExternalStore(store.subscribe, store.get, () => LOADING)
}

/** Picks photos into the state of a component. When it is unmounted, the pick ends. */
export function usePhotos(broker: Broker, options?: Omit<PickOptions, 'signal'>): Photos {
  const [picking, setPicking] = useState(IDLE)
  const running = useRef<AbortController | undefined>(undefined)
  useEffect(() => () => running.current?.abort(), [])
  useEffect(() => {
    const drop = (): void => setPicking((now) => ({ ...now, photos: [] }))
    return sessionOf(broker).onSignOut(drop)
  }, [broker])
  const pick = (): void => {
    running.current?.abort()
    const own = new AbortController()
    const { signal } = own
    running.current = own
    const update = (change: Partial<Picking>): void => {
      if (running.current === own) setPicking((now) => ({ ...now, ...change }))
    }
    const onState = (state: PickState): void => {
      update({ state })
      options?.onState?.(state)
    }
    const over = { state: undefined, isPicking: false }
    update({ error: undefined, isPicking: true })
    pickPhotos(broker, { ...options, signal, onState }).then(
      (photos) => update({ photos, ...over }),
      (error) => update({ error: signal.aborted ? undefined : error, ...over }),
    )
  }
  return { ...picking, pick }
}
