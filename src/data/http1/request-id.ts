// Request ids: unique over workers, processes and restarts, and cheap: a random prefix per worker, then a counter. Also the
// id that load balancers of AWS give to a request, which is only read.
import { randomBytes } from 'node:crypto'
import { FIELD_OTHER, equalsIgnoringCase, type Fields } from './fields.ts'

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

const TRACE_ID = new TextEncoder().encode('x-amzn-trace-id')
/** Of a trace id, as much as is logged. */
const MAX_TRACE_ID = 256

/** The X-Amzn-Trace-Id of a request, for the log; '' when it has none. */
export function traceIdOf({ count, kind, start, nameEnd, valueStart, valueEnd }: Fields, buffer: Buffer): string {
  for (let line = 0; line < count; line++) {
    if (kind[line] !== FIELD_OTHER || !equalsIgnoringCase(buffer, start[line]!, nameEnd[line]!, TRACE_ID)) continue
    const from = valueStart[line]!
    return buffer.latin1Slice(from, Math.min(valueEnd[line]!, from + MAX_TRACE_ID))
  }
  return ''
}
