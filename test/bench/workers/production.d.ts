/** The type of the production build: that of its sources. */

declare module 'photos-token-broker' {
  export { default, OneTimeUse, Subject, SubjectIndex } from '../../../src/index.ts'
}
