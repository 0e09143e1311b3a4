/** This file is the two places of the demo page: on the broker's own site, and on another. */

import { apiOrigins, googleOf } from './google.ts'

/** What the page has to be told, and whom its scripts may reach. */
export interface Site {
  values: Readonly<Record<string, string>>
  reached: readonly string[]
}

/** Addresses in development. */
export interface Addresses {
  /** Origin of the broker and of the page beside it. */
  broker: string
  /** Origin of the page on another site. */
  elsewhere: string
  issuer: string
}

/** Describes the page beside the broker: in cookie mode. */
export function besideBroker(addresses: Addresses): Site {
  const { broker, elsewhere } = addresses
  return siteOf(addresses, {
    client: 'demo',
    mode_words: `It is at ${broker}, on the broker’s own site: what keeps you connected is a sealed cookie that no script can read.`,
    other_page: `${elsewhere}/`,
    other_words: 'See the same page on another site',
  })
}

/** Describes the page on another site: in OAuth mode. */
export function fromElsewhere(addresses: Addresses): Site {
  const { broker, elsewhere } = addresses
  return siteOf(addresses, {
    client: 'elsewhere',
    mode_words: `It is at ${elsewhere}, and its broker at ${broker}: to your browser that is another site, where no cookie reaches. What keeps you connected is a token of the broker’s own that works only with a key this browser made and gives to nobody.`,
    other_page: `${broker}/`,
    other_words: 'See the same page on the broker’s site',
  })
}

function siteOf(
  { broker, elsewhere, issuer }: Addresses,
  values: Readonly<Record<string, string>>,
): Site {
  const google = googleOf(issuer)
  const google_words = google.simulator
    ? 'Google is simulated on this machine'
    : 'This is the real Google'
  const library_page = `${elsewhere}/library/`
  return {
    values: { ...google, ...values, broker, library_page, google_words },
    reached: [broker, ...apiOrigins(google)],
  }
}
