// Answers that Weir gives itself: small, typed, each with its reason code. docs/reasons.md lists the codes.
import { STATUS_CODES } from 'node:http'
import { reasons, type ReasonCode } from '../../model/reasons.ts'

/** What is allowed where no list of methods is configured: those that clients use, not all that would be let through. */
const COMMON_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

export interface AnswerHow {
  /** The connection ends here, and the answer says so. */
  readonly close: boolean
  /** The request was HEAD. */
  readonly bodyless: boolean
  /** Seconds until it is worth another try; 0: nothing is said of it. */
  readonly retryAfter: number
  /** Those that are let in, for a 405; null: all. */
  readonly methods: readonly string[] | null
  /** Further fields, each with its CRLF. */
  readonly lines: string
}

/** The whole message. */
export function answer(code: ReasonCode, { close, bodyless, retryAfter, methods, lines }: AnswerHow): string {
  const { status, text } = reasons[code]
  const body = `${status} ${STATUS_CODES[status]}: ${text}\n`
  const allow = status === 405 ? `Allow: ${(methods ?? COMMON_METHODS).join(', ')}\r\n` : ''
  const retry = retryAfter > 0 ? `Retry-After: ${retryAfter}\r\n` : ''
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
    `Date: ${new Date().toUTCString()}\r\n` +
    'Content-Type: text/plain; charset=utf-8\r\n' +
    `Content-Length: ${Buffer.byteLength(body)}\r\n` +
    'Cache-Control: no-store\r\n' +
    `X-Weir-Reason: ${code}\r\n` +
    `${allow}${retry}${lines}${close ? 'Connection: close\r\n' : ''}\r\n` +
    (bodyless ? '' : body)
  )
}
