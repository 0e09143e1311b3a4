/** This file is the Photos module: picking and uploading as one call each, on top of the SDK. */

export { type PickedItem, type PickOptions, pickPhotos } from './pick.ts'
export { PhotosError } from './request.ts'
export {
  type Progress,
  type UploadOptions,
  type UploadResult,
  uploadPhotos,
} from './upload.ts'
