/** Tests of what the repository and the build promise: no state that outlives a request, no secret, pinned dependencies. */

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const ROOT = new URL('../../', import.meta.url)

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

/** Files below a folder, by their path in the repository. */
function filesIn(folder: string, ending: RegExp): string[] {
  const all = readdirSync(new URL(`${folder}/`, ROOT), { recursive: true, encoding: 'utf8' })
  return all.filter((file) => ending.test(file)).map((file) => `${folder}/${file}`)
}

describe('the Worker', () => {
  /** Values that outlive a request, and why each holds nothing of a user (TMB-58). */
  const SETTLED = [
    'src/config/config.ts: configs', // the configuration, by its environment
    'src/errors.ts: REASONS', // a table that is only read
    'src/events/security-event-token.ts: jwksUri', // where its keys are, by configuration
    'src/google/discovery.ts: discover', // the provider's metadata, by configuration
    'src/net/key-sets.ts: keyFinder', // public keys, by configuration
    'src/routes/oauth/token.ts: GRANTS', // a table that is only read
    'src/scope/scopes.ts: ALIASES', // a table that is only read
    'src/scope/scopes.ts: SPELLINGS', // a table that is only read
    'src/session/dpop.ts: lastNonces', // a nonce for everybody, by configuration
    'src/subject/grants.ts: scopeSetKeys', // hashes of scope sets
  ]

  it('holds nothing of a user in module variables (TMB-58)', () => {
    const own = filesIn('src', /\.ts$/).filter(
      (file) => !/^src\/(?:client|simulator|demo|tools)\//.test(file),
    )
    expect(own.length).toBeGreaterThan(80)
    const kept = own.flatMap((file) =>
      [
        ...read(file).matchAll(
          /^(?:export )?(?:let|var) (\w+)|^(?:export )?const (\w+).*?=\s*(?:new (?:Map|Set|WeakMap|WeakSet|Array)\b|cached\()/gm,
        ),
      ].map(([, variable, constant]) => `${file}: ${variable ?? constant}`),
    )
    expect(kept.sort()).toEqual(SETTLED)
  })
})

describe('the repository and the build', () => {
  /** What secrets of Google look like, and of anybody. */
  const SECRETS = [
    /GOCSPX-[\w-]{28}/,
    /\b1\/\/0[\w-]{20,}/,
    /\bya29\.[\w-]{20,}/,
    /\bAIza[\w-]{35}\b/,
    /-----BEGIN [A-Z ]*PRIVATE KEY-----\s+\w/,
    /"private_key"\s*:\s*"-----BEGIN/,
  ]
  /** What a secret of the broker’s own looks like where it is given; tests make theirs up. */
  const OWN =
    /\b(?:GOOGLE_CLIENT_SECRET|PSEUDONYM_KEY|ENCRYPTION_KEYS)\b["']?\s*[=:]\s*["'][^"'\n]{16,}/

  const tracked = (): string[] =>
    execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n')

  it('contain no secret (TMB-82)', () => {
    const files = [...tracked(), ...filesIn('dist', /\.(?:js|map)$/)]
    expect(files.length).toBeGreaterThan(200)
    const found = files.filter((file) => {
      const text = read(file)
      const isOwn = !file.startsWith('test/') && OWN.test(text)
      return isOwn || SECRETS.some((secret) => secret.test(text))
    })
    expect(found).toEqual([])
  })

  it('is a file that holds secrets by its name', () => {
    for (const name of ['.dev.vars', '.secrets']) {
      const files = tracked().filter((file) => file.includes(name))
      expect(files.filter((file) => file !== '.dev.vars.example')).toEqual([])
      expect(read('.gitignore').split('\n')).toContain(name)
    }
  })
})

describe('the dependencies', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json'))

  it('are of one exact version each, and locked with a checksum (TMB-84)', () => {
    const { packages } = JSON.parse(read('package-lock.json'))
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+(?:-[\w.]+)?$/)
      expect(packages[`node_modules/${name}`], name).toMatchObject({ version })
    }
    const loose = Object.entries<{ integrity?: string; link?: boolean; inBundle?: boolean }>(
      packages,
    )
      .filter(([path]) => path !== '')
      .filter(([, { integrity, link, inBundle }]) => !integrity && !link && !inBundle)
    expect(loose.map(([path]) => path)).toEqual([])
  })

  it('of the Worker are four (TMB-84)', () => {
    expect(Object.keys(dependencies).sort()).toEqual(['hono', 'jose', 'oauth4webapi', 'valibot'])
  })
})
