/** This file is the Durable Objects that are no subject's: marks of what was used once, and notes of whose a name is. */

import { DurableObject } from 'cloudflare:workers'
import { now } from '../clock.ts'

/** A used mark outlasts what it marks by this, and by any delay between the two looks at the clock. */
const MARK_MARGIN_SECONDS = 60

/** So often a note is held against what its subjects keep. */
const TIDY_SECONDS = 30 * 24 * 60 * 60

/** So many subjects may go by one name; the one noted first gives way. */
const MAX_SUBJECTS = 100

/** Whose a name is. */
interface Note {
  /** The name, which is this object's. */
  name: string
  /** Subject keys; the one noted last comes last. */
  subjects: readonly string[]
}

/** An object that is known by its name alone. */
export class Mark extends DurableObject<Env> {
  /** Marks this object's name as used; `false` when it was. For the one use of a pending authorization (TMB-11). */
  consume(expires_at: number): boolean {
    if (this.isConsumed()) return false
    this.ctx.storage.kv.put('consumed', expires_at)
    void this.ctx.storage.setAlarm((expires_at + MARK_MARGIN_SECONDS) * 1000)
    return true
  }

  /** Whether this object's name was used. */
  isConsumed(): boolean {
    return this.ctx.storage.kv.get('consumed') !== undefined
  }

  /** Notes that this object's name is a subject's. */
  async link(name: string, subject: string): Promise<void> {
    const others = this.linked().filter((other) => other !== subject)
    await keep(this.ctx, { name, subjects: [...others, subject].slice(-MAX_SUBJECTS) })
  }

  /** The subjects whose name it is, or was. */
  linked(): string[] {
    return [...(this.ctx.storage.kv.get<Note>('note')?.subjects ?? [])]
  }
}

/** Does what the alarm of a mark or a note is for; `false` for an object that is neither. */
export async function settleMark(ctx: DurableObjectState, env: Env): Promise<boolean> {
  const { storage } = ctx
  const note = storage.kv.get<Note>('note')
  if (storage.kv.get('consumed') === undefined && !note) return false
  const subjects = note ? await whoGoBy(env, note) : []
  if ((await storage.getAlarm()) !== null) return true // somebody was noted meanwhile; the next alarm looks again
  if (note && subjects.length > 0) await keep(ctx, { ...note, subjects })
  else await storage.deleteAll()
  return true
}

async function whoGoBy(env: Env, { name, subjects }: Note): Promise<string[]> {
  const call = subjects.map(async (subject) =>
    env.SUBJECTS.getByName(subject).hasProviderName(name),
  )
  const go = await Promise.all(call)
  return subjects.filter((_, index) => go[index])
}

async function keep({ storage }: DurableObjectState, note: Note): Promise<void> {
  storage.kv.put('note', note)
  await storage.setAlarm((now() + TIDY_SECONDS) * 1000)
}
