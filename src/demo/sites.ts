/** The two sites of the demo page: that of the broker, and another. */

import { apiOrigins, googleOf } from './google.ts'

/** The values of the page, and the origins that its scripts may connect to. */
export interface Site {
  values: Readonly<Record<string, string>>
  origins: readonly string[]
}

/** Addresses in development. */
export interface Addresses {
  /** Origin of the broker and of the page beside it. */
  broker: string
  /** Origin of the page on another site. */
  elsewhere: string
  issuer: string
}

/** Describes the page on the broker's site, in cookie mode. */
export function onBrokerSite(addresses: Addresses): Site {
  const { broker, elsewhere } = addresses
  return siteOf(addresses, {
    client: 'demo',
    mode_text: `It is at ${broker}, on the broker’s own site. Your session is an encrypted cookie that no script can read.`,
    other_page: `${elsewhere}/`,
    other_text: 'See the same page on another site',
  })
}

/** Describes the page on another site: in OAuth mode. */
export function onOtherSite(addresses: Addresses): Site {
  const { broker, elsewhere } = addresses
  return siteOf(addresses, {
    client: 'elsewhere',
    mode_text: `It is at ${elsewhere}, and its broker at ${broker}. For your browser that is another site, so no cookie is sent there. Your session is a token of the broker that works only with a key which never leaves this browser.`,
    other_page: `${broker}/`,
    other_text: 'See the same page on the broker’s site',
  })
}

function siteOf(
  { broker, elsewhere, issuer }: Addresses,
  values: Readonly<Record<string, string>>,
): Site {
  const google = googleOf(issuer)
  const google_text = google.simulator
    ? 'Google is simulated on this machine'
    : 'This is the real Google'
  const library_page = `${elsewhere}/library/`
  return {
    values: { ...google, ...values, broker, library_page, google_text },
    origins: [broker, ...apiOrigins(google)],
  }
}
