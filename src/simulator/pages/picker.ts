/**
 * The page where a user picks photos: `/picker/{session}`, or `/picker/{session}/autoclose` to close itself when done.
 *
 * Without a browser: `POST /picker/{session}` with the form field `photo` once for each id; without the field nothing is picked.
 */

import { type Context, Hono } from 'hono'
import { html } from 'hono/html'
import { readForm } from '../endpoints.ts'
import { serveBytes } from '../photos/bytes.ts'
import { pictureContent } from '../photos/media.ts'
import { findSession } from '../photos/picker.ts'
import { findPicture, picturesOf } from '../photos/pictures.ts'
import type { PickerSession } from '../photos/records.ts'
import { appName, type Simulation } from '../simulation.ts'
import { accountBadge, type Html, page } from './layout.ts'

/** Makes the routes of the picker's pages. */
export function pickerPages(simulation: Simulation): Hono {
  const app = new Hono()
  app.get('/picker/thumbnails/:sub/:id', async (c) => {
    const { sub, id } = c.req.param()
    const picture = findPicture(sub, id)
    const content =
      picture && (await pictureContent(picture, { kind: 'fit', width: 320, height: 240 }))
    if (!content) return c.notFound()
    return serveBytes(c, content.bytes, { 'Content-Type': content.type, ETag: `"${sub}-${id}"` })
  })
  app.get('/autoclose.js', (c) =>
    c.body('window.close()', 200, { 'Content-Type': 'text/javascript' }),
  )
  for (const path of ['/picker/:id', '/picker/:id/autoclose']) {
    app.get(path, (c) => {
      const session = findSession(simulation, c.req.param('id') ?? '')
      if (!session) return endedPage(c)
      return session.picked ? donePage(c, session) : pickPage(c, simulation, session)
    })
    app.post(path, async (c) => pick(simulation, c))
  }
  return app
}

async function pick(simulation: Simulation, c: Context): Promise<Response> {
  const session = findSession(simulation, c.req.param('id') ?? '')
  if (!session) return endedPage(c)
  const ids = (await readForm(c)).getAll('photo')
  const picked = ids.filter((id) => findPicture(session.sub, id))
  if (picked.length > session.max_item_count) {
    const problem = `You chose ${picked.length}. Choose at most ${session.max_item_count}.`
    return pickPage(c, simulation, session, { problem, picked })
  }
  session.picked ??= picked
  return c.redirect(c.req.path, 303)
}

function pickPage(
  c: Context,
  simulation: Simulation,
  session: PickerSession,
  { problem = '', picked = [] }: { problem?: string; picked?: readonly string[] } = {},
): Response | Promise<Response> {
  const { sub, client_id, max_item_count } = session
  const account = simulation.world.accounts.find((known) => known.sub === sub)
  const pictures = picturesOf(sub)
  const isLimited = max_item_count < pictures.length
  return page(c, {
    title: 'Choose photos',
    wide: true,
    status: problem === '' ? 200 : 400,
    body: html`<form method="post">
      ${account ? accountBadge(account) : ''}
      <h1>Choose photos for ${appName(simulation, client_id)}</h1>
      <p class="soft">The app sees only what you choose${isLimited ? ` (at most ${max_item_count})` : ''}.</p>
      ${problem === '' ? '' : html`<p class="problem" role="alert">${problem}</p>`}
      <fieldset>
        <legend class="hidden">Your photos and videos</legend>
        <div class="photos">${pictures.map(
          ({ id, filename, status }) => html`<label class="photo">
            <img src="/picker/thumbnails/${sub}/${id}" alt="" width="320" height="240" loading="lazy">
            <input type="checkbox" name="photo" value="${id}"${picked.includes(id) ? ' checked' : ''}>
            <span>${nameOfPicture(filename)}</span>${status ? html`<em>${status === 'READY' ? 'Video' : 'Video, processing'}</em>` : ''}
          </label>`,
        )}</div>
      </fieldset>
      <div class="actions bar"><button class="main">Done</button></div>
    </form>`,
  })
}

function donePage(c: Context, { picked = [] }: PickerSession): Response | Promise<Response> {
  const what = picked.length === 1 ? '1 item' : `${picked.length} items`
  const script: Html | string = c.req.path.endsWith('/autoclose')
    ? html`<script src="/autoclose.js"></script>`
    : ''
  return page(c, {
    title: 'Done',
    body: html`<div class="card">
      <h1>Done</h1>
      <p>You chose ${what}. You can close this window and go back to the app.</p>
    </div>${script}`,
  })
}

function endedPage(c: Context): Response | Promise<Response> {
  return page(c, {
    title: 'Nothing to choose',
    status: 404,
    body: html`<div class="card">
      <h1>This session has ended</h1>
      <p>Go back to the app and start again.</p>
    </div>`,
  })
}

function nameOfPicture(filename: string): string {
  return filename.replace(/\.\w+$/, '')
}
