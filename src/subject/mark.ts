/** This file is the Durable Objects that are no subject's: marks of what was used once, and notes of whose a name is. */

import { DurableObject } from 'cloudflare:workers'
import { now } from '../clock.ts'

/** A used mark outlasts what it marks by this, and by any delay between the two looks at the clock. */
const MARK_MARGIN_SECONDS = 60

/** So often a note is held against what its subjects keep. */
const TIDY_SECONDS = 30 * 24 * 60 * 60

/** A note younger than this may be ahead of the grant it is about. */
const YOUNG_SECONDS = 24 * 60 * 60

/** So many subjects may go by one name; the one noted first gives way. */
const MAX_LINKS = 100

/** Whose a name is. */
interface Note {
  /** The name, which is this object's. */
  name: string
  /** Subject keys, and when each was noted (NumericDate). */
  links: readonly (readonly [subject: string, at: number])[]
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
    const others = linksIn(this.ctx).filter(([other]) => other !== subject)
    await keep(this.ctx, { name, links: [...others, [subject, now()] as const].slice(-MAX_LINKS) })
  }

  /** The subjects whose name it is, or was. */
  linked(): string[] {
    return linksIn(this.ctx).map(([subject]) => subject)
  }
}

/** Does what the alarm of a mark or a note is for; `false` for an object that is neither. */
export async function settleMark(ctx: DurableObjectState, env: Env): Promise<boolean> {
  const { storage } = ctx
  const note = storage.kv.get<Note>('note')
  if (storage.kv.get('consumed') === undefined && !note) return false
  const links = note ? await goodLinks(env, note) : []
  if (note && links.length > 0) await keep(ctx, { ...note, links })
  else await storage.deleteAll()
  return true
}

async function goodLinks(env: Env, { name, links }: Note): Promise<Note['links']> {
  const asking = links.map(async ([subject, at]) => {
    const isYoung = now() < at + YOUNG_SECONDS
    return isYoung || (await env.SUBJECTS.getByName(subject).goesBy(name))
  })
  const areGood = await Promise.all(asking)
  return links.filter((_, index) => areGood[index])
}

function linksIn({ storage }: DurableObjectState): Note['links'] {
  return storage.kv.get<Note>('note')?.links ?? []
}

async function keep({ storage }: DurableObjectState, note: Note): Promise<void> {
  storage.kv.put('note', note)
  await storage.setAlarm((now() + TIDY_SECONDS) * 1000)
}
