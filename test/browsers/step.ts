/** A step: one promise to a user, tried in a browser. */

import type { Profile } from './driver.ts'
import type { Mode, Servers } from './servers.ts'

/** A made-up user of the simulator. */
export interface User {
  name: string
  email: string
  /** The id of the Google account. */
  sub: string
}

/** What a step works with. */
export interface Scene {
  readonly servers: Servers
  /** Knows nothing yet. */
  readonly profile: Profile
  readonly mode: Mode
  readonly user: User
  /** Adds words to the line of the step. */
  note(words: string): void
  /** Saves a picture; the command prints its path. */
  keep(picture: Buffer, name: string): Promise<void>
}

/** One step. */
export interface Step {
  /** What holds. */
  readonly title: string
  /** The mode to try it in; both if left out. */
  readonly mode?: Mode
  /** @throws what does not hold */
  run(scene: Scene): Promise<void>
}

/** @throws an error with these words, if something does not hold */
export function holds(value: boolean, words: string): void {
  if (!value) throw new Error(words)
}
