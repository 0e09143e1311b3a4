/** The addresses of Google for a demo page: those of the real one, or of the simulator on this machine. */

import { isLoopback } from '../config/urls.ts'

/** Addresses of Google, for a page. */
export interface Google {
  /** The simulator's origin; empty for the real Google. */
  simulator: string
  picker_api: string
  library_api: string
  /** The page where users see which apps have access to their account. */
  connections: string
}

const REAL_GOOGLE: Google = {
  simulator: '',
  picker_api: 'https://photospicker.googleapis.com',
  library_api: 'https://photoslibrary.googleapis.com',
  connections: 'https://myaccount.google.com/connections',
}

/** Finds the addresses by the issuer; the simulator has both APIs and all pages on its own origin. */
export function googleOf(issuer: string): Google {
  const url = URL.parse(issuer)
  return url && isLoopback(url) ? simulatorAt(url.origin) : REAL_GOOGLE
}

/** Lists the origins of the APIs. */
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
