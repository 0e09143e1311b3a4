/** What the tests use of two libraries that come without types. */

declare module 'simple-oauth2' {
  export class AuthorizationCode {
    constructor(settings: object)
    authorizeURL(parameters: object): string
    getToken(parameters: object): Promise<{ token: { access_token: string } }>
  }
}

declare module 'passport-oauth2' {
  type Done = (error: unknown, user?: object) => void
  type Verify = (
    access_token: string,
    refresh_token: string | undefined,
    _: object,
    done: Done,
  ) => void

  export class Strategy {
    constructor(settings: object, verify: Verify)
    /** Passport gives the strategy these before it calls `authenticate`. */
    redirect: (url: string) => void
    success: (user: { access_token: string }) => void
    fail: (challenge: object) => void
    error: (error: unknown) => void
    authenticate(request: { session: object; query: object }): void
  }
}
