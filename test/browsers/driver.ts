/** What the steps need of a browser, whatever protocol drives it. */

/** The id of a window or tab. */
export type WindowId = string

/** A browser with cookies and storage of its own, and the windows in it. */
export interface Profile {
  /** Opens an empty window. */
  open(): Promise<WindowId>
  /** Lists the windows that are open, also those that a page has opened. */
  list(): Promise<WindowId[]>
  /** Goes to a URL, and waits until its page has loaded. */
  go(window: WindowId, url: string): Promise<void>
  /** Presses Back. */
  back(window: WindowId): Promise<void>
  /**
   * Evaluates an expression in the page, and waits for its value if that is a promise.
   *
   * @returns the value, as JSON carries it
   */
  evaluate(window: WindowId, expression: string): Promise<unknown>
  /** Clicks with the mouse, in CSS pixels from the upper left corner of the page that is in view. */
  click(window: WindowId, x: number, y: number): Promise<void>
  /** Chooses a file of this machine in a file input. */
  chooseFile(window: WindowId, selector: string, path: string): Promise<void>
  /** @returns a picture of what is in view, as PNG */
  screenshot(window: WindowId): Promise<Buffer>
  close(window: WindowId): Promise<void>
  /** Closes all windows and forgets cookies and storage. */
  end(): Promise<void>
}

/** A browser that runs. */
export interface Browser {
  /** Its name and version. */
  readonly name: string
  /** Opens a profile that knows nothing yet. One is open at a time. */
  openProfile(): Promise<Profile>
  stop(): Promise<void>
}
