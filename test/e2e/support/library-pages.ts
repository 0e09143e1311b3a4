/** The pages of the libraries, and what their user does. */

import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Page } from 'playwright-core'
import { ADA, chooseAccount } from './chromium.ts'
import { openOwn } from './documented-pages.ts'
import type { Tokens } from './libraries/page.ts'
import type { Stage } from './stage.ts'

/** The libraries that run in a page, by the names of their packages. */
const MODULES = {
  'oidc-client-ts': import.meta.resolve('./libraries/oidc-client-ts.ts'),
  arctic: import.meta.resolve('./libraries/arctic.ts'),
  '@badgateway/oauth2-client': import.meta.resolve('./libraries/badgateway-oauth2-client.ts'),
  '@openid/appauth': import.meta.resolve('./libraries/appauth.ts'),
}

/** The name of a package with a page. */
export type Library = keyof typeof MODULES

/** Bundles the modules of the pages, and serves them on another site than the broker's. */
export async function serveModules(stage: Stage): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: Object.values(MODULES).map((url) => fileURLToPath(url)),
    define: { BROKER: JSON.stringify(stage.url) },
    ...{ bundle: true, format: 'esm', write: false, outdir: '/', logLevel: 'warning' },
  })
  for (const [index, library] of Object.keys(MODULES).entries())
    stage.serve(`/own/${library}.js`, 'text/javascript', outputFiles[index]?.text ?? '')
}

/** Opens the page of a library in a new browser context. */
export function openLibrary(stage: Stage, library: Library, attributes = ''): Promise<Page> {
  const script = `<script type="module" src="/own/${library}.js"></script>`
  return openOwn(stage, `<!doctype html><title>${library}</title><body ${attributes}>${script}`)
}

/** Presses a button of the page. */
export const press = (page: Page, button: string): Promise<void> =>
  page.getByRole('button', { name: button, exact: true }).click()

/** Answers the approval page with the keyboard, since its buttons take no pointer for half a second. */
const approve = (page: Page, link: 'Continue' | 'Not now'): Promise<void> =>
  page.getByRole('link', { name: link, exact: true }).press('Enter')

/** Goes on to Google, chooses an account, and consents. */
export async function consent(page: Page): Promise<void> {
  await approve(page, 'Continue')
  await chooseAccount(page, ADA)
  await press(page, 'Continue')
}

/** Leaves one box of the consent page unticked. */
export async function consentInPart(page: Page): Promise<void> {
  await approve(page, 'Continue')
  await chooseAccount(page, ADA)
  await page.getByRole('checkbox').last().uncheck()
  await press(page, 'Continue')
}

/** Goes back where the broker asks. */
export const deny = (page: Page): Promise<void> => approve(page, 'Not now')

/** Waits for the result of the last action, which is no error. */
export async function succeeds<T = Tokens>(page: Page): Promise<T> {
  await page.locator('#outcome', { hasText: 'ok' }).waitFor()
  return page.evaluate('window.value')
}

/** Waits for the error of the last action, as the library reports it. */
export async function fails(page: Page): Promise<object> {
  await page.locator('#outcome', { hasText: 'failed' }).waitFor()
  return page.evaluate('window.error')
}

/** Creates a session of Google's Picker API with an access token. @returns the status of the answer */
export async function usePicker(stage: Stage, { access_token }: Tokens): Promise<number> {
  const headers = { Authorization: `Bearer ${access_token}` }
  const url = `${stage.simulator}/photospicker/v1/sessions`
  return (await fetch(url, { method: 'POST', headers })).status
}
