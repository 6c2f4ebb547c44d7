// Answers that Weir gives itself: small, typed, each with its reason code. docs/reasons.md lists the codes.
import { STATUS_CODES } from 'node:http'
import { reasons, type ReasonCode } from '../../model/reasons.ts'

/** The whole message. @param close says that the connection ends here; @param bodyless the request was HEAD */
export function answer(code: ReasonCode, close: boolean, bodyless: boolean): string {
  const { status, text } = reasons[code]
  const body = `${status} ${STATUS_CODES[status]}: ${text}\n`
  const allow = status === 405 ? 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n' : ''
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
    `Date: ${new Date().toUTCString()}\r\n` +
    'Content-Type: text/plain; charset=utf-8\r\n' +
    `Content-Length: ${Buffer.byteLength(body)}\r\n` +
    'Cache-Control: no-store\r\n' +
    `X-Weir-Reason: ${code}\r\n` +
    `${allow}${close ? 'Connection: close\r\n' : ''}\r\n` +
    (bodyless ? '' : body)
  )
}
