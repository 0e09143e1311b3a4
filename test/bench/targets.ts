/** The targets of token requests at a broker and at the bare Workers. */

import { cookieTarget, GALLERY, isAnswer, openFrontend } from './frontend.ts'
import type { Target } from './load.ts'
import type { Stage } from './stage.ts'

/** The modes of a broker, as targets are named after `prefix`. */
export const COOKIE_MODE = 'cookie mode'
export const OAUTH_MODE = 'OAuth mode (DPoP)'

/** Makes the targets of both modes of a broker, each with a user of its own. */
export async function modeTargets(
  stage: Stage,
  broker: string,
  prefix: string,
): Promise<[cookie: Target, oauth: Target]> {
  const side = stage.side(broker)
  const frontend = await openFrontend()
  const { cookie } = await stage.plant(broker)
  const { refresh_token } = await stage.plant(broker, { client: GALLERY.id, jkt: frontend.jkt })
  return [
    cookieTarget(prefix + COOKIE_MODE, side, [cookie]),
    frontend.target(prefix + OAUTH_MODE, side, refresh_token),
  ]
}

/** Makes the target of a bare Worker, which answers the same bytes without authentication. */
export function bareTarget(stage: Stage, name: string, side: string = name): Target {
  const request = { method: 'GET', path: '/', headers: {} } as const
  return { name, ...stage.side(side), requests: async () => [request], isExpected: isAnswer }
}
