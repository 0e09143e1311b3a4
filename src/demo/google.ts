/** This file is which Google a demo page talks to: the real one, or the simulator on this machine. */

import { isLoopback } from '../config/urls.ts'

/** What a page has to know of Google. */
export interface Google {
  /** The simulator's address, if it is that. */
  simulator: string
  picker_api: string
  library_api: string
  /** Where a user sees which apps have access to their account. */
  connections: string
}

const REAL_GOOGLE: Google = {
  simulator: '',
  picker_api: 'https://photospicker.googleapis.com',
  library_api: 'https://photoslibrary.googleapis.com',
  connections: 'https://myaccount.google.com/connections',
}

/** Says which Google belongs to an issuer; the simulator has both APIs and all pages below its own. */
export function googleOf(issuer: string): Google {
  const url = URL.parse(issuer)
  return url && isLoopback(url) ? simulatorAt(url.origin) : REAL_GOOGLE
}

/** The origins of its APIs, which a page calls. */
export function apiOrigins({ picker_api, library_api }: Google): string[] {
  return [...new Set([picker_api, library_api].map((url) => new URL(url).origin))]
}

function simulatorAt(simulator: string): Google {
  return {
    simulator,
    picker_api: `${simulator}/photospicker`,
    library_api: `${simulator}/photoslibrary`,
    connections: `${simulator}/connections`,
  }
}
