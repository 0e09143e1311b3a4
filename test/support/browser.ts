/** A browser for tests: follows redirects, with a cookie jar that applies the rules of prefixes and SameSite. */

/** Sends a request to the Worker in this isolate, or to a server on loopback. */
export type Internet = (request: Request) => Promise<Response>

/** Where a visit ended. */
export interface Page {
  url: URL
  response: Response
  text: string
  /** Every `Location`, in order. */
  redirects: string[]
}

/** A browser with its own cookie jar. */
export interface Browser {
  /** Navigates to a URL and follows redirects, up to the first page or to a URL that `stopAt` accepts. */
  visit(url: string | URL, init?: RequestInit, stopAt?: (url: URL) => boolean): Promise<Page>
  /** Sends one request with the jar's cookies, and follows no redirect. */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>
  /** Calls the broker like a script of its origin. */
  call(
    method: string,
    url: string | URL,
    json?: unknown,
    headers?: Record<string, string>,
  ): Promise<Response>
  /** Whether the user presses *Continue* on an approval page. Default: `true`. */
  approves: boolean
  /** Cookies by host and name. */
  readonly jar: Map<string, Map<string, string>>
}

/** Opens a browser. */
export function openBrowser(internet: Internet): Browser {
  const jar = new Map<string, Map<string, string>>()
  /** Names of the cookies with SameSite=Strict. */
  const strict = new Set<string>()

  const send = async (target: string | URL, init: RequestInit, isCrossSite: boolean) => {
    const url = new URL(target)
    const headers = new Headers(init.headers)
    const cookies = [...(jar.get(url.hostname) ?? [])].filter(
      ([name]) => !(isCrossSite && strict.has(name)),
    )
    if (cookies.length > 0 && !headers.has('Cookie')) {
      headers.set('Cookie', cookies.map(([name, value]) => `${name}=${value}`).join('; '))
    }
    const response = await internet(new Request(url, { ...init, headers, redirect: 'manual' }))
    keepCookies(jar, strict, url.hostname, response)
    return response
  }
  const fetch: Browser['fetch'] = (target, init = {}) => send(target, init, false)

  const browser: Browser = {
    jar,
    fetch,
    approves: true,
    async visit(target, init = {}, stopAt = () => false) {
      const redirects: string[] = []
      let url = new URL(target)
      // A navigation to a callback comes from Google.
      let isCrossSite = url.pathname.endsWith('/callback')
      let response = await send(url, init, isCrossSite)
      for (let hops = 0; hops < 10; hops++) {
        const location = response.headers.get('Location')
        if (response.status < 300 || response.status > 399 || location === null) break
        redirects.push(location)
        const next = new URL(location, url)
        isCrossSite ||= next.hostname !== url.hostname
        url = next
        if (stopAt(url)) break
        await response.body?.cancel()
        response = await send(url, {}, isCrossSite)
      }
      const text = response.bodyUsed ? '' : await response.text()
      const [, go_on] = /href="(\?[^"]*approval=[^"]*)">Continue/.exec(text) ?? []
      if (go_on === undefined || !browser.approves) return { url, response, text, redirects }
      return browser.visit(new URL(go_on.replaceAll('&amp;', '&'), url), {}, stopAt)
    },
    async call(method, target, json, more = {}) {
      const { origin } = new URL(target)
      const headers: Record<string, string> = {
        Origin: origin,
        'Sec-Fetch-Site': 'same-origin',
        'Sec-Fetch-Mode': 'cors',
        'Sec-Fetch-Dest': 'empty',
        'X-Requested-With': 'photos-token-broker',
        ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...more,
      }
      return fetch(target, {
        method,
        headers,
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      })
    },
  }
  return browser
}

function keepCookies(jar: Browser['jar'], strict: Set<string>, host: string, response: Response) {
  const cookies = jar.get(host) ?? new Map<string, string>()
  jar.set(host, cookies)
  for (const line of response.headers.getSetCookie()) {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
    const has = (attribute: string): boolean =>
      attributes.some((one) => one.toLowerCase() === attribute)
    if (
      name.startsWith('__Host-') &&
      !(has('secure') && has('path=/') && !attributes.some((one) => /^domain=/i.test(one)))
    ) {
      throw new Error(`a browser would refuse the cookie ${name}`)
    }
    if (has('samesite=strict')) strict.add(name)
    if (has('max-age=0')) cookies.delete(name)
    else cookies.set(name, value)
  }
}
