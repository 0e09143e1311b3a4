/** The web component, on a page of three lines. */

import type { Step } from '../step.ts'
import { Tab } from '../tab.ts'
import { goToQuestion, pickTwo } from './google.ts'

const SHADOW = 'document.querySelector("google-photos-picker").shadowRoot'

/** The steps with the web component. */
export const COMPONENT_STEPS: readonly Step[] = [
  {
    title: 'the web component connects, picks and shows two photos in one window',
    async run({ servers, profile, mode, user, keep }) {
      const { broker } = servers
      servers.serve(
        '/own',
        `<!doctype html><title>Picker</title>
<script type="module" src="${broker}/picker.js"></script>
<google-photos-picker broker="${broker}" client="${servers.clientOf(mode)}" bundle="pick" max="20"></google-photos-picker>`,
      )
      const page = await Tab.open(profile, servers.pageAt(mode, '/own'))
      const popup = await page.opens(() => page.click('button', 'Choose from Google Photos'))
      await goToQuestion(popup, user)
      await popup.click('button', 'Continue')
      await pickTwo(popup)
      await page.until(
        `[...${SHADOW}.querySelectorAll('img')].filter((one) => one.naturalWidth > 0).length === 2`,
      )
      await page.shows('[part=status]', '2 chosen')
      await keep(await page.screenshot(), 'component')
    },
  },
]
