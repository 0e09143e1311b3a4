/** This file is the machine: what the run was on, and where things are. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, platform, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

/** The repository. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url))

/** This folder, which has packages of its own. */
export const BENCH: string = fileURLToPath(new URL('.', import.meta.url))

/** What a run was on; neither host names nor paths. */
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
  return Object.fromEntries(
    names.map((name) => {
      const text = readFileSync(`${folder}/node_modules/${name}/package.json`, 'utf8')
      return [name, (JSON.parse(text) as { version: string }).version]
    }),
  )
}

/** Loads a package of this folder, which the ordinary install does not have. */
export function requirePeer<T>(name: string): T {
  return createRequire(`${BENCH}package.json`)(name) as T
}
