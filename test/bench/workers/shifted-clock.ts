/** A clock that can be set: it moves on from there. */

const machineNow = Date.now
let ahead_ms = 0

Date.now = () => machineNow() + ahead_ms

/** Takes `/__ahead?seconds=`, which sets how far the clock is ahead of the machine's. @returns whether it was that request */
export function setClock(request: Request): boolean {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname !== '/__ahead') return false
  ahead_ms = Number(searchParams.get('seconds')) * 1000
  return true
}
