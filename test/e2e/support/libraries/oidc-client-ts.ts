/** A page with `oidc-client-ts`: its default settings, and with its DPoP option where the page has `data-dpop`. */

import { IndexedDbDPoPStore, UserManager, type UserManagerSettings } from 'oidc-client-ts'
import { broker, bundle, here, offer, show } from './page.ts'

const settings: UserManagerSettings = {
  ...{ authority: broker, client_id: 'elsewhere', redirect_uri: here },
  scope: `openid ${bundle}`, // `openid` is the library's own default
}
const dpop = { bind_authorization_code: true, store: new IndexedDbDPoPStore() }
const manager = new UserManager('dpop' in document.body.dataset ? { ...settings, dpop } : settings)

offer({
  Connect: () => manager.signinRedirect(),
  Popup: () => manager.signinPopup(),
  Renew: () => manager.signinSilent(),
  Upload: () => manager.signinSilent({ extraTokenParams: { scope: 'upload' } }),
  Revoke: () => manager.revokeTokens(['refresh_token']),
})

// The same page is where the popup and the frame of a silent renewal come back to.
if (location.search.includes('state=')) show(manager.signinCallback().then((user) => user))
