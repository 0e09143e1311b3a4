/** This file is the broker of this page: the SDK, told where it is. */

import { createBroker } from 'photos-token-broker/client'

/** @import { BundlesResponse } from '../../../protocol/http.ts' */

const { broker: url = '', client = '', simulator = '' } = document.documentElement.dataset

/** Finds out by itself whether it is on the broker's site or on another. */
export const broker = createBroker({ url, client, ...(simulator ? { simulator } : {}) })

/** @returns {Promise<BundlesResponse['bundles']>} what may be asked for; anybody may know */
export async function listBundles() {
  const response = await fetch(`${url}/bundles`)
  return (await response.json()).bundles
}
