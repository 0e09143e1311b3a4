/** The public types of the SDK: the broker, its options and its methods. */

import type { SessionResponse } from '../protocol/http.ts'
import type { GoogleApis } from './google-apis.ts'
import type { Change } from './tabs.ts'
import type { TokenOptions } from './tokens.ts'

/** Where the broker is, and which client this page is. */
export interface BrokerOptions {
  /** `BASE_URL` of the broker. */
  url: string
  /** Id of the client in `CLIENTS`. Required in OAuth mode, and where several clients use cookie mode. */
  client?: string
  /** One of the client's `redirect_uris`; if given, OAuth mode is used everywhere. Default: this page without query. */
  redirectUri?: string
}

/** Options of `connect`. */
export interface ConnectOptions {
  /** Ends the wait for the popup, and closes the popup. */
  signal?: AbortSignal | undefined
  /** Lets the user choose a Google account. Default: `false`. */
  selectAccount?: boolean
  /** In OAuth mode, the account that Google offers first: an e-mail address, or a `sub`, which then is the only one. */
  loginHint?: string
  /** A popup that the page has opened in the click. Default: `connect` opens one. */
  popup?: Window
  /**
   * Is called after the consent, and gives the http(s) address to which the popup then goes. Default: the popup closes.
   * With it, one popup can first ask for consent and then show Google's picker.
   */
  next?: () => Promise<string>
}

/**
 * A broker, as a page uses it.
 *
 * Every method that asks the broker throws a `BrokerError` with one of these codes: `login_required` (no session),
 * `access_denied` (this origin, client or bundle is not allowed), `invalid_request`, `invalid_scope` (no such
 * bundle), `slow_down` (too many requests), `temporarily_unavailable` (the broker, Google or the storage cannot
 * answer) or `server_error`. If its `signal` is aborted, it throws the reason of the signal.
 */
export interface Broker {
  /**
   * Asks the user for consent to a bundle, in a popup. Call it in a click.
   *
   * If popups are blocked, the page itself goes to Google and comes back to where it was. The promise then never
   * settles, and `on('change')` reports the result. It also reports a consent that the user finishes after
   * `popup_closed` or after an abort.
   *
   * @example
   * button.onclick = () => broker.connect('pick').then(showPhotos, (error) => alert(error.message))
   * @throws {BrokerError} `access_denied`: the user refused; `consent_required`: the user left a box unticked
   * @throws {BrokerError} `account_mismatch`: the user chose another account than that of the session
   * @throws {BrokerError} `popup_closed`: the user closed the popup; and the codes of every method
   */
  connect(bundle: string, options?: ConnectOptions): Promise<void>
  /**
   * Gets a Google access token with exactly the scopes of a bundle, from this tab, another tab or the broker.
   *
   * @example
   * const token = await broker.token('pick', { minTtl: 600 })
   * @throws {BrokerError} `consent_required`: no grant serves the bundle (see `reason`); and the codes of every method
   */
  token(bundle: string, options?: TokenOptions): Promise<string>
  /**
   * Calls `fetch` on a Photos API with the token of a bundle. After a 401 it tries once more with another token,
   * unless the body is a stream.
   *
   * @throws {BrokerError} what `token` throws; `invalid_request` for any other address; `temporarily_unavailable` if the
   *   network is lost, Google redirects, or no answer begins within 30 seconds (a body that is not text may take longer)
   */
  fetch(bundle: string, url: string | URL, init?: RequestInit): Promise<Response>
  /** Gets the session of this browser: its Google account, and the status of each bundle. */
  session(signal?: AbortSignal): Promise<SessionResponse>
  /**
   * Gets addresses at which a page can show media of Google Photos, valid for 15 minutes.
   *
   * @param urls 1 to 100 `baseUrl`s of Google, each with a size such as `=w512-h512`
   * @returns one for each URL, in their order; an empty text for one that the broker refuses
   * @throws {BrokerError} what `token` throws; `invalid_request` if every URL is refused
   */
  media(bundle: string, urls: readonly string[], signal?: AbortSignal): Promise<string[]>
  /**
   * With a bundle: makes the broker forget that bundle. Without: revokes the grant at Google, deletes everything
   * at the broker and ends every session.
   */
  disconnect(bundle?: string): Promise<void>
  /** Ends the session in every tab at once, also without a network. Grants stay. */
  signOut(): Promise<void>
  /** Calls a listener for each change in this tab or another. @returns a function that removes the listener */
  on(event: 'change', listener: (change: Change) => void): () => void
  /**
   * Gets the base addresses of the Photos APIs: those of Google, or of the simulator where the broker on this machine
   * uses one.
   * @throws {BrokerError} if the broker on this machine does not answer
   */
  apis(): Promise<GoogleApis>
}
