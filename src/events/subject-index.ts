/** The Durable Object that finds the subjects of a provider name. */

import { DurableObject } from 'cloudflare:workers'
import { logError } from '../audit/log.ts'
import { now } from '../clock.ts'
import { BrokerError } from '../errors.ts'

/** How often an entry is checked against the grants of its subjects, in seconds. */
const CHECK_SECONDS = 30 * 24 * 60 * 60

/** When a check that failed is repeated, in seconds. */
const CHECK_RETRY_SECONDS = 60

/** How many subjects one name can have; the oldest is removed first. */
const MAX_SUBJECTS = 100

/** What one object stores. */
interface Entry {
  /** The provider name, which is also the name of this object. */
  name: string
  /** Subject keys, the newest last. */
  subjects: readonly string[]
}

/** One object for each provider name. It stores hashes only, no token. */
export class SubjectIndex extends DurableObject<Env> {
  /** Adds a subject to the name. */
  async add(name: string, subject: string): Promise<void> {
    const others = this.subjects().filter((other) => other !== subject)
    await this.#put({ name, subjects: [...others, subject].slice(-MAX_SUBJECTS) })
  }

  /** Lists the subjects that have the name, or had it within the last 30 days. */
  subjects(): string[] {
    return [...(this.#entry()?.subjects ?? [])]
  }

  /** Removes the subjects that no longer have a grant of this name. */
  override async alarm(): Promise<void> {
    const { storage } = this.ctx
    const entry = this.#entry()
    try {
      const subjects = entry ? await this.#currentSubjects(entry) : []
      if ((await storage.getAlarm()) !== null) return // a subject was added during the check
      if (entry && subjects.length > 0) await this.#put({ ...entry, subjects })
      else await storage.deleteAll()
    } catch (error) {
      logError('alarm_failed', error)
      await storage.setAlarm((now() + CHECK_RETRY_SECONDS) * 1000)
    }
  }

  async #currentSubjects({ name, subjects }: Entry): Promise<string[]> {
    const calls = subjects.map((key) => this.env.SUBJECTS.getByName(key).hasProviderName(name))
    const answers = await Promise.all(calls)
    return subjects.filter((_, index) => answers[index])
  }

  #entry(): Entry | undefined {
    return this.ctx.storage.kv.get<Entry>('entry')
  }

  async #put(entry: Entry): Promise<void> {
    this.ctx.storage.kv.put('entry', entry)
    await this.ctx.storage.setAlarm((now() + CHECK_SECONDS) * 1000)
  }
}

/**
 * Finds the subjects of a provider name.
 *
 * @throws {BrokerError} `temporarily_unavailable` when the index cannot be reached
 */
export async function findSubjects(env: Env, name: string): Promise<string[]> {
  try {
    return await env.SUBJECT_INDEX.getByName(name).subjects()
  } catch (cause) {
    throw new BrokerError('subject_index_unreachable', { cause })
  }
}
