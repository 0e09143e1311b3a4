/** This file is the simulator as tests command it: what no person could do at Google. */

/** Tells the simulator something; without a body, to forget what it was told. */
export type TellSimulator = (path: string, body?: object) => Promise<void>

const ACCOUNTS = ['ada@example.com', 'ben.okafor@example.com', 'chiara@studio.example']

/** Makes what tells the simulator at an address; its picker is asked often from now on. */
export async function commandSimulator(simulator: string): Promise<TellSimulator> {
  const tell: TellSimulator = async (path, body) => {
    const headers = { 'Content-Type': 'application/json' }
    const method = body ? 'POST' : 'DELETE'
    const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) }
    const { status } = await fetch(`${simulator}/${path}`, init)
    if (status >= 300) throw new Error(`the simulator answered ${status} to ${path}`)
  }
  await tell('__settings', { poll_interval_seconds: 1 })
  return tell
}

/** Takes back what a test told the simulator and what anybody allowed, so that the next test finds nothing of it. */
export async function mendSimulator(tell: TellSimulator): Promise<void> {
  await tell('__settings', { opener_policy: 'unsafe-none' })
  await tell('__faults')
  for (const account of ACCOUNTS) await tell('__accounts/revoke', { account })
}
