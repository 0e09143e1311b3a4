/** The Photos module: picks and uploads photos, on top of the SDK. */

export type { BytesOptions } from './bytes.ts'
export type { Camera, PickedItem, SourceOptions } from './items.ts'
export { PhotosError } from './photos-error.ts'
export { type PickOptions, type PickState, pickPhotos } from './pick.ts'
export {
  type Album,
  type Progress,
  type UploadOptions,
  type UploadResult,
  uploadPhotos,
} from './upload.ts'
