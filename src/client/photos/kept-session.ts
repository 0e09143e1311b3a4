/** The Picker session that a page can go on with after a reload: its id, which is useless without a token. */

/** Kept for this page only where site data is blocked. */
const inMemory = new Map<string, string>()

const nameOf = (bundle: string): string => `photos-token-broker picking ${bundle}`

/** Remembers the session of a bundle; `undefined` forgets it. */
export function keepSession(bundle: string, id: string | undefined): void {
  const name = nameOf(bundle)
  if (id === undefined) inMemory.delete(name)
  else inMemory.set(name, id)
  try {
    if (id === undefined) localStorage.removeItem(name)
    else localStorage.setItem(name, id)
  } catch {} // site data is blocked
}

/** The id of the session that was kept. */
export function keptSession(bundle: string): string | undefined {
  const name = nameOf(bundle)
  try {
    return localStorage.getItem(name) ?? inMemory.get(name)
  } catch {
    return inMemory.get(name)
  }
}
