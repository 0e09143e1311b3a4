/** The addresses that an access token may be sent to: Google's Photos APIs, or a simulator on this machine (TMB-86). */

const ORIGINS = ['https://photospicker.googleapis.com', 'https://photoslibrary.googleapis.com']

/** Base addresses of the Photos APIs without a version, such as `https://photospicker.googleapis.com`. */
export interface GoogleApis {
  picker: string
  library: string
}

/** Finds the APIs of Google or of a simulator. @throws {TypeError} if the simulator is not on this machine */
export function apisAt(simulator: string | undefined): GoogleApis {
  const [picker = '', library = ''] = ORIGINS
  if (simulator === undefined) return { picker, library }
  const { hostname, origin } = new URL(simulator)
  if (!/^(localhost|127\.0\.0\.1|\[::1])$/.test(hostname))
    throw new TypeError('not a local simulator')
  return { picker: `${origin}/photospicker`, library: `${origin}/photoslibrary` }
}

/** Whether an access token may be sent to a URL. */
export function mayHaveToken(url: URL, { picker, library }: GoogleApis): boolean {
  const isApi = [picker, library].some((api) => new URL(api).origin === url.origin)
  return isApi && !url.username && !url.password
}
