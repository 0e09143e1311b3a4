/** The broker of this page, made by the SDK. */

import { createBroker } from 'photos-token-broker'

/** @import { BundlesResponse } from '../../../protocol/http.ts' */

const { broker: url = '', client = '' } = document.documentElement.dataset

/** In cookie mode on the broker's own site, else in OAuth mode. */
export const broker = createBroker({ url, client })

/** Lists the bundles of the broker; this list is public. @returns {Promise<BundlesResponse['bundles']>} */
export async function listBundles() {
  const response = await fetch(`${url}/bundles`)
  return (await response.json()).bundles
}
