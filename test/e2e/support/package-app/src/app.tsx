import type { PickedItem } from 'photos-token-broker/photos'
import { useBroker, usePhotos, useSession } from 'photos-token-broker/react'
import { useEffect, useState } from 'react'

export function App() {
  const broker = useBroker({ url: 'https://broker.example.com', client: 'gallery' })
  const { session, error: sessionError } = useSession(broker)
  const { pick, photos, state, error, isPicking } = usePhotos(broker, { maxItems: 20 })
  return (
    <main>
      <button type="button" onClick={pick} disabled={isPicking}>
        Choose photos
      </button>
      {session && (
        <button type="button" onClick={() => void broker.signOut()}>
          Sign out
        </button>
      )}
      <p role="status">{state?.state}</p>
      <p role="alert">{(error ?? sessionError)?.message}</p>
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
