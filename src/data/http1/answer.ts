// Answers that Weir gives itself: small, typed, each with its reason code. docs/reasons.md lists the codes.
import { STATUS_CODES } from 'node:http'
import { reasons, type ReasonCode } from '../../model/reasons.ts'

/** What is allowed where no list of methods is configured: those that clients use, not all that would be let through. */
const COMMON_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/**
 * The whole message.
 * @param close says that the connection ends here
 * @param bodyless the request was HEAD
 * @param retryAfter seconds until it is worth another try; 0: nothing is said of it
 * @param methods those that are let in, for a 405; null: all
 */
export function answer(
  code: ReasonCode,
  close: boolean,
  bodyless: boolean,
  retryAfter = 0,
  methods: readonly string[] | null = null,
): string {
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
    `${allow}${retry}${close ? 'Connection: close\r\n' : ''}\r\n` +
    (bodyless ? '' : body)
  )
}
