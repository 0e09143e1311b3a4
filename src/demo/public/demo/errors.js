/** This file is an answer of the broker that is an error, whichever way it was asked. */

/** @import { ErrorResponse } from '../../../protocol.ts' */

/** An answer of the broker that is an error; `answer.error` is its code. */
export class BrokerError extends Error {
  /**
   * @param {ErrorResponse} answer
   * @param {number} [retry_after] seconds
   */
  constructor(answer, retry_after) {
    super(answer.error)
    this.answer = answer
    this.retry_after = retry_after
  }
}
