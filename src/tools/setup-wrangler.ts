/** Puts secrets at Cloudflare through wrangler: over a pipe, so that no argument and no output shows them. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { WRANGLER } from './dev-server.ts'
import type { Secrets } from './secrets-file.ts'

/** Lists the names of the secrets that the deployed broker has; empty if it was never deployed. */
export async function deployedSecrets(config: string): Promise<ReadonlySet<string>> {
  try {
    const output = await wrangler(['secret', 'list', '--config', config])
    const listed = JSON.parse(output.slice(output.indexOf('['))) as { name: string }[]
    return new Set(listed.map(({ name }) => name))
  } catch (error) {
    if (/Worker ".*" not found/.test(String(error))) return new Set()
    throw error
  }
}

/** Puts secrets and leaves all others as they are. A Worker that does not exist yet is created as a draft. */
export async function putSecrets(config: string, secrets: Secrets): Promise<void> {
  await wrangler(['secret', 'bulk', '--config', config], JSON.stringify(secrets))
}

async function wrangler(args: string[], input = ''): Promise<string> {
  const env = { ...process.env, WRANGLER_HIDE_BANNER: 'true', WRANGLER_SEND_METRICS: 'false' }
  const running = promisify(execFile)(process.execPath, [WRANGLER, ...args], { env })
  running.child.stdin?.on('error', () => {}).end(input)
  try {
    return (await running).stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`${stdout}\n${stderr}`.trim())
  }
}
