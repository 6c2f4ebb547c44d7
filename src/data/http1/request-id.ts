// Request ids: unique over workers, processes and restarts, and cheap: a random prefix per worker, then a counter.
import { randomBytes } from 'node:crypto'

const DIGITS = Buffer.from('0123456789abcdef', 'latin1')
const COUNTER_DIGITS = 8

export class RequestIds {
  /** First part of every id of this worker; 16 hexadecimal digits. */
  readonly prefix = randomBytes(8).toString('hex')
  #next = 0

  /** Writes the second part. @returns offset behind it */
  write(target: Buffer, at: number): number {
    let rest = this.#next
    this.#next = (rest + 1) >>> 0
    for (let i = at + COUNTER_DIGITS - 1; i >= at; i--, rest >>>= 4) target[i] = DIGITS[rest & 15]!
    return at + COUNTER_DIGITS
  }

  /** The whole id whose second part ends at `end`. */
  read(buffer: Buffer, end: number): string {
    return this.prefix + buffer.latin1Slice(end - COUNTER_DIGITS, end)
  }
}

const WELL_FORMED = /^[\w.:/+=@-]{1,128}$/

/** An id from a client that is fit to be passed on and logged. */
export const isRequestId = (text: string): boolean => WELL_FORMED.test(text)
