/** What a user does in the windows of Google and of the broker. */

import type { User } from '../step.ts'
import { poll, type Tab } from '../tab.ts'

/** A page on the way of a consent: the broker's own, the choice of an account, and Google's question. */
export type ConsentPage = 'approval' | 'account' | 'consent'

/** Each page has an element that the others have not. */
const pagesFor = (user: User): [page: ConsentPage, selector: string, text: string][] => [
  ['approval', 'a', 'Continue'],
  ['account', 'button', user.name],
  ['consent', 'button', 'Cancel'],
]

/**
 * Goes on to Google's question, whatever comes before it, and ticks all boxes.
 *
 * @param look is called on each page, before it is left
 * @returns the pages that came
 */
export async function goToQuestion(
  tab: Tab,
  user: User,
  look: () => Promise<void> = async () => {},
): Promise<ConsentPage[]> {
  const seen: ConsentPage[] = []
  while (!seen.includes('consent')) {
    const [page, selector, text] = await poll('the next page of a consent', async () => {
      for (const one of pagesFor(user))
        if (!seen.includes(one[0]) && (await tab.has(one[1], one[2]))) return one
      return null
    })
    seen.push(page)
    await look()
    if (page !== 'consent') await tab.click(selector, text)
  }
  const unticked = 'input[type=checkbox]:not(:checked)'
  while (await tab.has(unticked)) await tab.click(unticked)
  return seen
}

/** Consents in a popup, which then closes; @returns the pages that came */
export async function consent(
  popup: Tab,
  user: User,
  look?: () => Promise<void>,
): Promise<ConsentPage[]> {
  const seen = await goToQuestion(popup, user, look)
  await popup.click('button', 'Continue')
  await popup.closes()
  return seen
}

/** Picks two photos in Google's picker. */
export async function pickTwo(picker: Tab): Promise<void> {
  const unticked = 'input[type=checkbox]:not(:checked)'
  await picker.click(unticked)
  await picker.click(unticked)
  await picker.click('button', 'Done')
  await picker.closes()
}
