/** The form of URLs in the configuration: exact, and https except on this machine. */

/** Whether a URL is of this machine, where http is as safe as https. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
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
