/** Tests of the buttons on the home page: forms that post what the control endpoints also take as JSON. */

import { expect, it } from 'vitest'
import type { Simulator } from '../../src/simulator/app.ts'
import { connect, google, refresh, the } from './app.ts'
import { PICKER } from './photos.ts'

async function openHome(simulator: Simulator): Promise<string> {
  return (await simulator.fetch(new Request(the.origin))).text()
}

/** A button of the page: where its form posts, and the value that it sends. */
function findButton(page: string, label: string): { action: string; json: string | undefined } {
  for (const [, action = '', form = ''] of page.matchAll(
    /<form [^>]*method="post" action="([^"]+)">(.*?)<\/form>/gs,
  ))
    for (const [, attributes = '', text = ''] of form.matchAll(/<button([^>]*)>([^<]*)</g)) {
      if (text.trim() !== label) continue
      return { action, json: /value="([^"]*)"/.exec(attributes)?.[1]?.replaceAll('&quot;', '"') }
    }
  throw new Error(`there is no button "${label}"`)
}

/** Presses a button as a browser does. @returns the page that the user then sees */
async function press(simulator: Simulator, label: string): Promise<string> {
  const { action, json } = findButton(await openHome(simulator), label)
  const body = new URLSearchParams(json === undefined ? {} : { json })
  const request = new Request(the.origin + action, { method: 'POST', body })
  const response = await simulator.fetch(request)
  expect(response.status).toBe(303)
  expect(response.headers.get('Location')).toMatch(/^\/#/)
  return openHome(simulator)
}

it('adds each fault, shows the queue, and clears it', async () => {
  const simulator = google()
  const page = await openHome(simulator)
  expect(page).toContain('No fault is waiting')
  const labels = [...page.matchAll(/<button name="json" value="\{&quot;at[^>]*>([^<]+)</g)]
  expect(labels.length).toBeGreaterThan(10)
  for (const [, label = ''] of labels) {
    const { json = '' } = findButton(page, label)
    const shown = await press(simulator, label)
    const { at, times = 1, do: effects } = JSON.parse(json)
    expect(simulator.world.faults.at(-1)).toEqual({ at, times, do: effects })
    expect(shown).toContain(JSON.stringify(effects).replaceAll('"', '&quot;'))
  }
  expect(simulator.world.faults).toHaveLength(labels.length)
  expect(await press(simulator, 'Clear all faults')).toContain('No fault is waiting')
  expect(simulator.world.faults).toEqual([])
})

it('ends all access tokens: APIs answer 401, and a refresh makes another', async () => {
  const simulator = google()
  const { access_token, refresh_token = '' } = await connect(simulator)
  const callWith = async (token: string): Promise<number> => {
    const headers = { Authorization: `Bearer ${token}` }
    const url = `${the.origin}${PICKER}/sessions`
    return (await simulator.fetch(new Request(url, { method: 'POST', headers }))).status
  }
  expect(await callWith(access_token)).toBe(200)
  expect(await openHome(simulator)).toContain('1 access token is live')
  expect(await press(simulator, 'End all access tokens now')).toContain('0 access tokens are live')
  expect(await callWith(access_token)).toBe(401)
  expect(await callWith((await refresh(simulator, refresh_token)).access_token)).toBe(200)
})

it('sets the clock, the boxes and the publishing status, and shows which one is set', async () => {
  const simulator = google()
  const pressed = (page: string): string[] =>
    [...page.matchAll(/<button[^>]* aria-pressed="true"[^>]*>([^<]+)</g)].map(([, label = '']) =>
      label.trim(),
    )
  expect(pressed(await openHome(simulator))).toEqual(['Now', 'Unticked', 'In production'])
  await press(simulator, '8 days ahead')
  await press(simulator, 'Ticked')
  expect(pressed(await press(simulator, 'Testing'))).toEqual(['8 days ahead', 'Ticked', 'Testing'])
  expect(simulator.world.settings).toMatchObject({
    ...{ clock_ahead_seconds: 8 * 24 * 60 * 60, boxes_ticked: true, publishing: 'testing' },
  })
  expect(pressed(await press(simulator, 'Now'))[0]).toBe('Now')
})
