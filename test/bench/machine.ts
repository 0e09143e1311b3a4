/** The machine of a run, and the folders of the repository. */

import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, platform, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

/** Root of the repository. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url))

/** This folder, which has packages of its own. */
export const BENCH: string = fileURLToPath(new URL('.', import.meta.url))

/** The machine of a run, without names and paths. */
export interface Machine {
  os: string
  cores: number
  cpu: string
  memory_gib: number
  versions: Record<string, string>
}

const OURS = ['workerd', 'miniflare', 'wrangler', 'hono', 'jose']
const PEERS = ['@cloudflare/workers-oauth-provider', 'better-auth', 'autocannon']

/** Describes this machine. */
export function describeMachine(): Machine {
  const all = cpus()
  return {
    os: platform(),
    cores: all.length,
    cpu: all[0]?.model.trim() ?? 'unknown',
    memory_gib: Math.round(totalmem() / 1024 ** 3),
    versions: {
      node: process.versions.node,
      ...versionsOf(OURS, ROOT),
      ...versionsOf(PEERS, BENCH),
    },
  }
}

function versionsOf(names: readonly string[], folder: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, versionOf(name, folder) ?? 'unknown']))
}

/** Reads the version of an installed package; `undefined` if it is not installed. */
export function versionOf(name: string, folder: string): string | undefined {
  const path = `${folder}/node_modules/${name}/package.json`
  if (!existsSync(path)) return undefined
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}

/** Loads a package of this folder, which `npm ci` does not install. */
export function requirePeer<T>(name: string): T {
  return createRequire(`${BENCH}package.json`)(name) as T
}
