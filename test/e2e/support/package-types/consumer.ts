/** An app's use of every type of the package: it compiles, and each marked line does not. */

import {
  type Broker,
  BrokerError,
  type BrokerErrorCode,
  type BrokerOptions,
  type BundleStatus,
  type Change,
  type ConnectOptions,
  type ConsentReason,
  createBroker,
  type GoogleApis,
  type LikelyCause,
  type SessionResponse,
  type TokenOptions,
} from 'photos-token-broker'
import {
  type Album,
  type BytesOptions,
  type Camera,
  PhotosError,
  type PickedItem,
  type PickOptions,
  type PickState,
  type Progress,
  pickPhotos,
  type SourceOptions,
  type UploadOptions,
  type UploadResult,
  uploadPhotos,
} from 'photos-token-broker/photos'
import type { GooglePhotosPicker } from 'photos-token-broker/picker'
import {
  type Photos,
  type Session,
  useBroker,
  usePhotos,
  useSession,
} from 'photos-token-broker/react'

const options: BrokerOptions = { url: 'https://broker.example.com', client: 'gallery' }
const broker: Broker = createBroker(options)
const connecting: ConnectOptions = { selectAccount: true }
const asking: TokenOptions = { minTtl: 600 }
const size: SourceOptions = { width: 800, height: 600 }
const bytes: BytesOptions = { onProgress: ({ loaded }) => loaded.toFixed() }

// @ts-expect-error: the address of the broker is missing
createBroker({ client: 'gallery' })

/** What failed, by its code. */
export function explain(error: unknown): string {
  if (error instanceof PhotosError) return `${error.status} ${error.http} ${error.isPassing}`
  if (!(error instanceof BrokerError)) throw error
  // @ts-expect-error: only some errors have a reason
  error.reason.toUpperCase()
  const code: BrokerErrorCode = error.code
  if (error.code === 'consent_required') {
    const reason: ConsentReason = error.reason
    const cause: LikelyCause = error.likely_cause ?? 'unknown'
    return `${reason} ${cause} ${error.missing_scope.toUpperCase()}`
  }
  if (error.code === 'slow_down') return error.retry_after.toFixed()
  // @ts-expect-error: there is no such code
  if (error.code === 'consent_requierd') return ''
  return `${code} ${error.message}`
}

/** Connects, picks and uploads. */
export async function use(files: File[], signal: AbortSignal): Promise<UploadResult[]> {
  await broker.connect('pick', { ...connecting, signal })
  const token: string = await broker.token('pick', asking)
  const session: SessionResponse = await broker.session()
  const status: BundleStatus | undefined = session.bundles['pick']
  if (status?.status === 'consent_required') throw new Error(`${token} ${status.reason}`)
  const apis: GoogleApis = await broker.apis()
  broker.on('change', (change: Change) => {
    if (change.type === 'failed') explain(change.error)
  })
  const onState = ({ state, items }: PickState) => `${state} ${items.toFixed()}`
  const picking: PickOptions = { maxItems: 20, signal, onState }
  const photos: PickedItem[] = await pickPhotos(broker, picking)
  for (const photo of photos) {
    const camera: Camera = photo.camera
    const file: File = await photo.file(bytes)
    const src: string = await photo.src(size)
    throw new Error(`${src} ${camera.make} ${file.name}`)
  }
  const uploading: UploadOptions = {
    files,
    album: { title: apis.library },
    onProgress: ({ sent, total }: Progress) => sent / total,
  }
  const results = await uploadPhotos(broker, uploading)
  const album: Album | undefined = results[0]?.album
  return album ? results : []
}

/** The web component. */
export function listen(element: GooglePhotosPicker): void {
  const items: readonly PickedItem[] = element.items
  element.pick()
  const same: GooglePhotosPicker | null = document.querySelector('google-photos-picker')
  same?.setAttribute('max', items.length.toFixed())
}

/** The hooks. */
export function useAll(): string | undefined {
  const own: Broker = useBroker(options)
  const { session, error }: Session = useSession(own)
  const { photos, pick, ...rest }: Photos = usePhotos(own, { maxItems: 1 })
  if (photos.length === 0) pick()
  if (rest.error) return explain(rest.error)
  if (rest.state?.state === 'waiting') return 'waiting'
  // @ts-expect-error: nobody may be signed in
  session.sub.toUpperCase()
  return session?.sub ?? error?.code
}
