/** What Cloudflare charges a month, and what its Free plan allows a day. */

/** When the prices were read, and where. */
export const PRICES_OF =
  '28 November 2026, [Workers](https://developers.cloudflare.com/workers/platform/pricing/), [KV](https://developers.cloudflare.com/kv/platform/pricing/) and [Durable Objects](https://developers.cloudflare.com/durable-objects/platform/pricing/)'

/** What is billed, counted for one user in a month. */
export interface Usage {
  /** Requests of pages to the Worker. */
  requests: number
  kv_reads: number
  kv_writes: number
  kv_deletes: number
  /** Calls and alarms of Durable Objects. */
  object_calls: number
  /** Rows written, each set alarm among them. */
  rows: number
  log_lines: number
  /** Stored in Durable Objects, in bytes. */
  object_bytes: number
  /** Stored in KV, in bytes. */
  kv_bytes: number
}

/** The Paid plan: dollars for each million (for bytes, each GB) beyond what is included. */
const PAID: Record<keyof Usage, { included: number; price: number; per: number }> = {
  requests: { included: 10e6, price: 0.3, per: 1e6 },
  kv_reads: { included: 10e6, price: 0.5, per: 1e6 },
  kv_writes: { included: 1e6, price: 5, per: 1e6 },
  kv_deletes: { included: 1e6, price: 5, per: 1e6 },
  object_calls: { included: 1e6, price: 0.15, per: 1e6 },
  rows: { included: 50e6, price: 1, per: 1e6 },
  log_lines: { included: 20e6, price: 0.6, per: 1e6 },
  object_bytes: { included: 5e9, price: 0.2, per: 1e9 },
  kv_bytes: { included: 1e9, price: 0.5, per: 1e9 },
}

/** The base price of the Paid plan, in dollars a month. */
const BASE = 5

/** The Free plan, a day. */
export const FREE_A_DAY: Partial<Record<keyof Usage, number>> = {
  requests: 100_000,
  kv_reads: 100_000,
  kv_writes: 1_000,
  kv_deletes: 1_000,
  object_calls: 100_000,
  rows: 100_000,
}

/** The price of a month, in dollars. @param included whether the plan's included amounts are taken off */
export function priceOf(usage: Usage, users: number, included: boolean): number {
  const parts = Object.entries(PAID).map(([name, { included: free, price, per }]) => {
    const all = usage[name as keyof Usage] * users
    return (Math.max(0, all - (included ? free : 0)) / per) * price
  })
  return parts.reduce((sum, part) => sum + part, BASE)
}
