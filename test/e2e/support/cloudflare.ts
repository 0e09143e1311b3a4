/** A Cloudflare account on loopback: the calls of its API that `wrangler deploy` makes for one Worker. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A binding as it was uploaded. */
export interface UploadedBinding {
  name: string
  type: string
  text?: string
}

/** The account. */
export interface CloudflareAccount {
  /** Variables that lead wrangler to it. */
  env: Record<string, string>
  /** Names of the secrets of the Worker; `undefined` while there is no Worker. */
  secrets: string[] | undefined
  /** The bindings of each upload. */
  uploads: UploadedBinding[][]
  [Symbol.asyncDispose](): Promise<void>
}

const NOT_FOUND = { status: 404, result: null }

/** Opens an account without a Worker. */
export async function openCloudflare(): Promise<CloudflareAccount> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request)
    const { pathname } = new URL(request.url ?? '', 'http://localhost')
    if (request.method === 'PUT' && /\/scripts\/[\w-]+$/.test(pathname)) upload(account, body)
    const { status = 200, result } = answerOf(account, pathname, request.method === 'POST')
    const errors = status === 200 ? [] : [{ code: 10007, message: 'not found' }]
    const page = { page: 1, per_page: 100, count: 0, total_count: 0, total_pages: 1 }
    response.writeHead(status, { 'Content-Type': 'application/json' })
    response.end(
      JSON.stringify({ success: status === 200, errors, messages: [], result, result_info: page }),
    )
  }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const account: CloudflareAccount = {
    env: {
      CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      CLOUDFLARE_API_TOKEN: 'of-this-test',
      CLOUDFLARE_ACCOUNT_ID: '0123456789abcdef0123456789abcdef',
    },
    secrets: undefined,
    uploads: [],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return account
}

/** What is asked of one path, by its end. */
function answerOf(
  { secrets }: CloudflareAccount,
  pathname: string,
  isPost: boolean,
): { status?: number; result: unknown } {
  const end = pathname.split('/').at(-1) ?? ''
  const subdomain = { enabled: true, previews_enabled: false }
  const results: Record<string, unknown> = {
    secrets: secrets?.map((name) => ({ name, type: 'secret_text' })),
    settings: secrets && { bindings: [] },
    deployments: { deployments: [] },
    'assets-upload-session': { jwt: 'a.b.c', buckets: [] },
    namespaces: isPost ? { id: '0'.repeat(32), title: 'tokens' } : [],
    subdomain: pathname.endsWith('/workers/subdomain') ? { subdomain: 'ada' } : subdomain,
  }
  if (end in results) return results[end] ? { result: results[end] } : NOT_FOUND
  if (pathname.includes('/services/') && !secrets) return NOT_FOUND
  return { result: { id: 'a', subdomain, default_environment: { script: {} }, startup_time_ms: 1 } }
}

function upload(account: CloudflareAccount, body: string): void {
  const [, metadata = '{}'] = /name="metadata"\r\n\r\n(.*?)\r\n--/s.exec(body) ?? []
  const { bindings } = JSON.parse(metadata) as { bindings: UploadedBinding[] }
  account.uploads.push(bindings)
  const put = bindings.filter(({ type }) => type === 'secret_text').map(({ name }) => name)
  account.secrets = [...new Set([...(account.secrets ?? []), ...put])]
}
