/** Puts secrets at Cloudflare through wrangler: over a pipe, so that no argument and no output shows them. */

import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { WRANGLER } from './dev-server.ts'
import type { Secrets } from './secrets-file.ts'

/** Lists the names of the secrets that the deployed broker has; empty if it was never deployed. */
export async function deployedSecrets(config: string): Promise<ReadonlySet<string>> {
  const { code, output } = await wrangler(['secret', 'list', '--config', config])
  if (code === 0) {
    const listed = JSON.parse(output.slice(output.indexOf('['))) as { name: string }[]
    return new Set(listed.map(({ name }) => name))
  }
  if (/Worker ".*" not found/.test(output)) return new Set()
  throw new Error(output.trim())
}

/** Puts secrets and leaves all others as they are. A Worker that does not exist yet is created as a draft. */
export async function putSecrets(config: string, secrets: Secrets): Promise<void> {
  const input = JSON.stringify(secrets)
  const { code, output } = await wrangler(['secret', 'bulk', '--config', config], input)
  if (code !== 0) throw new Error(output.trim())
}

async function wrangler(args: string[], input = ''): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [WRANGLER, ...args], {
    env: { ...process.env, WRANGLER_HIDE_BANNER: 'true', WRANGLER_SEND_METRICS: 'false' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', () => {}).end(input)
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve(code ?? 1))
  })
  const [code, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  return { code, output: code === 0 ? out : `${out}\n${err}` }
}
