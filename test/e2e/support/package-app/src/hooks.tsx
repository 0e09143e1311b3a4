/** A page on which tests see what the hooks do. */

import type { Broker } from 'photos-token-broker'
import { useBroker, usePhotos, useSession } from 'photos-token-broker/react'
import { Activity, StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'

/** All brokers that a render was given. */
const brokers = new Set<Broker>()
Object.assign(window, { brokers })

function useMyBroker(): Broker {
  const broker = useBroker({ url: 'https://broker.example.com', client: 'gallery' })
  brokers.add(broker)
  return broker
}

function Session({ name }: { name: string }) {
  const { session, error, isLoading } = useSession(useMyBroker())
  const who = isLoading ? 'nothing known' : session ? 'somebody' : 'nobody'
  return <output aria-label={name}>{error ? `${who}, ${error.code}` : who}</output>
}

function Picker({ name }: { name: string }) {
  const { pick, photos, state, error, isPicking } = usePhotos(useMyBroker())
  const text = isPicking ? (state?.state ?? 'picking') : `${photos.length} photos`
  return (
    <>
      <button type="button" onClick={pick}>
        Pick {name}
      </button>
      <output aria-label={name}>{error ? `${text}, ${error.message}` : text}</output>
    </>
  )
}

function Page() {
  const [isShown, setShown] = useState(true)
  const broker = useMyBroker()
  return (
    <>
      <button type="button" onClick={() => void broker.connect('pick').catch(() => {})}>
        Connect
      </button>
      <button type="button" onClick={() => setShown(!isShown)}>
        Show or hide
      </button>
      <Session name="first" />
      <Session name="second" />
      {isShown && <Picker name="picker" />}
      <Activity mode={isShown ? 'visible' : 'hidden'}>
        <Picker name="lasting" />
      </Activity>
    </>
  )
}

const page = document.querySelector('#app')
if (!page) throw new Error('the page has no place for the app')
createRoot(page).render(
  <StrictMode>
    <Page />
  </StrictMode>,
)
