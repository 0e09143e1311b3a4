/** The Photos module: picks and uploads photos, on top of the SDK. */

export { type PickedItem, type PickOptions, pickPhotos, type SourceOptions } from './pick.ts'
export { PhotosError } from './request.ts'
export {
  type Progress,
  type UploadOptions,
  type UploadResult,
  uploadPhotos,
} from './upload.ts'
