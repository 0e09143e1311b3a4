/** This file is the production build as TypeScript sees it: the sources it is made of. */

declare module 'photos-token-broker' {
  export { default, Subject } from '../../../src/index.ts'
}
