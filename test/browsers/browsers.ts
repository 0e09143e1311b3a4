/** The browsers that can be driven here, and what to install for the others. */

import { findProgram } from './child.ts'
import { startChromium } from './chromium.ts'
import type { Browser } from './driver.ts'
import { startFirefox } from './firefox.ts'
import { hasScreen } from './screen.ts'
import type { User } from './step.ts'
import { startWebKit } from './webkit.ts'

/** What a browser is started with. */
export interface Surroundings {
  /** The value of `DISPLAY`. */
  display: string
  /** A folder for its profile. */
  temporary: string
}

/** A kind of browser. */
export interface Kind {
  /** Its word on the command line. */
  readonly word: string
  /** What to do where it is missing. */
  readonly advice: string
  /** A user of its own: what another browser has ended at Google is no matter of this one. */
  readonly user: User
  /** Whether it needs a screen. */
  readonly isOnScreen: boolean
  /** Whether the demo is tried by https too: this browser treats cookies of http://localhost otherwise. */
  readonly isTriedByHttps: boolean
  /** Finds it; @returns how to start it */
  find(): ((surroundings: Surroundings) => Promise<Browser>) | undefined
}

/** All kinds, in the order in which they are driven. */
export const KINDS: readonly Kind[] = [
  {
    word: 'chromium',
    advice: 'npm ci installs it on Linux with an x64 processor',
    user: { name: 'Ada Brook', email: 'ada@example.com', sub: '110248495921238986420' },
    isOnScreen: false,
    isTriedByHttps: false,
    find: () =>
      process.platform === 'linux' && process.arch === 'x64' ? () => startChromium() : undefined,
  },
  {
    word: 'firefox',
    advice: 'on Debian: apt-get install firefox-esr xvfb openbox',
    user: { name: 'Ben Okafor', email: 'ben.okafor@example.com', sub: '104211057893346619057' },
    isOnScreen: true,
    isTriedByHttps: false,
    find() {
      const program = findProgram('firefox', 'firefox-esr')
      if (!program || !hasScreen()) return undefined
      return ({ display, temporary }) => startFirefox(program, display, temporary)
    },
  },
  {
    word: 'webkit',
    advice: 'on Debian and Ubuntu: apt-get install webkit2gtk-driver xvfb openbox',
    user: { name: 'Chiara Lund', email: 'chiara@studio.example', sub: '117739020481165532946' },
    isOnScreen: true,
    isTriedByHttps: true,
    find() {
      const program = findProgram('WebKitWebDriver')
      if (!program || !hasScreen()) return undefined
      return ({ display }) => startWebKit(program, display)
    },
  },
]
