/** The Photos module: picks and uploads photos, on top of the SDK. */

export type { BytesOptions } from './bytes.ts'
export type { Album, UploadResult } from './create-items.ts'
export type { Camera, PickedItem, SourceOptions } from './items.ts'
export { PhotosError } from './photos-error.ts'
export { type PickOptions, type PickState, pickPhotos } from './pick.ts'
export { type Progress, type UploadOptions, uploadPhotos } from './upload.ts'
