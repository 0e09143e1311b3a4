/** The form of URLs in the configuration: exact, and https except on this machine. */

/** Whether a URL is of this machine, where http is as safe as https. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

/** The places of this machine where any port is meant; RFC 8252 §7.3. */
const ANY_PORT = ['http://localhost:*', 'http://127.0.0.1:*']

/** Writes `*` for the port of a loopback URL, `http://localhost:*` for its origin; returns any other text unchanged. */
export function toAnyPort(url: string): string {
  return url.replace(/^(http:\/\/(?:localhost|127\.0\.0\.1))(?::\d{1,5})?(?=\/|$)/, '$1:*')
}

/** Finds the `http://localhost:*` that a text begins with; `undefined` for all others. */
export function anyPortOf(text: string): string | undefined {
  return ANY_PORT.find((origin) => text === origin || text.startsWith(`${origin}/`))
}

/** Writes a port for the `*` of a loopback URL, so that it can be parsed. */
export function withPort(text: string): string {
  return anyPortOf(text) === undefined ? text : text.replace('*', '1')
}

/** Whether a text is an origin exactly as a browser writes it; RFC 6454 §6.2. */
export function isOrigin(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && url.origin === text && isSafe(url)
}

/** Whether a text is a URL that can be compared as text: absolute, as browsers write it, no fragment, no user name. */
export function isPublicUrl(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && url.href === text && isSafe(url) && !/[#*]/.test(text)
}

/** Whether a text can be an issuer identifier: no query either; OpenID Connect Core §1.2, RFC 8414 §2. */
export function isIssuer(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && [text, `${text}/`].includes(url.href) && isSafe(url) && !/[?#*]/.test(text)
}

/** https, or http on this machine; URL parsers accept a `*` in a host name. */
function isSafe(url: URL): boolean {
  const isSecure = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
  const isHost = /^([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\])$/.test(url.hostname)
  return isSecure && isHost && url.username === '' && url.password === ''
}
