import type { PickedItem } from 'photos-token-broker/photos'
import { useBroker, usePhotos, useSession } from 'photos-token-broker/react'
import { useEffect, useState } from 'react'

export function App() {
  const broker = useBroker({ url: 'https://broker.example.com', client: 'gallery' })
  const { session, error, isLoading } = useSession(broker)
  const { pick, photos, error: pickError, isPicking } = usePhotos(broker, { maxItems: 20 })
  const [connectError, setConnectError] = useState<Error>()
  const connect = () => {
    setConnectError(undefined)
    broker.connect('pick').catch(setConnectError)
  }
  const isConnected = session?.bundles['pick']?.status === 'ready'
  return (
    <main>
      <button type="button" onClick={connect} disabled={isLoading || isConnected}>
        Connect
      </button>
      <button type="button" onClick={pick} disabled={!isConnected || isPicking}>
        Choose photos
      </button>
      <p role="alert">{(pickError ?? connectError ?? error)?.message}</p>
      {photos.map((photo) => (
        <Photo key={photo.id} photo={photo} />
      ))}
    </main>
  )
}

function Photo({ photo }: { photo: PickedItem }) {
  const [src, setSrc] = useState<string>()
  useEffect(() => {
    photo.src({ width: 400, height: 400 }).then(setSrc, () => setSrc(undefined))
  }, [photo])
  return src ? <img src={src} alt={photo.filename} /> : null
}
