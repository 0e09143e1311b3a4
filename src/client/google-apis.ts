/** This file is which requests a token may go to: Google's Photos APIs, and a simulator on this machine (TMB-86). */

const ORIGINS = ['https://photospicker.googleapis.com', 'https://photoslibrary.googleapis.com']

/** Where the APIs are. */
export interface GoogleApis {
  picker: string
  library: string
}

/** The APIs: Google's, or a simulator's, which has both below its address. */
export function apisAt(simulator: string | undefined): GoogleApis {
  const [picker = '', library = ''] = ORIGINS
  if (simulator === undefined) return { picker, library }
  const { hostname, origin } = new URL(simulator)
  if (!/^(localhost|127\.0\.0\.1|\[::1])$/.test(hostname)) throw new TypeError('no simulator')
  return { picker: `${origin}/photospicker`, library: `${origin}/photoslibrary` }
}

/** Whether a token may go to a URL. */
export function mayHaveToken(url: URL, { picker, library }: GoogleApis): boolean {
  const isApi = [picker, library].some((api) => new URL(api).origin === url.origin)
  return isApi && !url.username && !url.password
}
