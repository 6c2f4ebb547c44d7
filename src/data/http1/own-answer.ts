// An answer that the operator has written, in place of one of ours: of a backend whose circuit breaker is open.
import { STATUS_CODES } from 'node:http'
import type { AnswerSpec } from '../../messages/snapshot.ts'
import type { ReasonCode } from '../../model/reasons.ts'

/** The whole message. @param close says that the connection ends here; @param bodyless the request was HEAD */
export function ownAnswer(
  { status, contentType, body }: AnswerSpec,
  reason: ReasonCode,
  close: boolean,
  bodyless: boolean,
): Buffer {
  const empty = status === 204 || status === 304
  const bytes = Buffer.from(empty ? '' : body)
  const head =
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n` +
    `Date: ${new Date().toUTCString()}\r\n` +
    (empty ? '' : `Content-Type: ${contentType}\r\nContent-Length: ${bytes.length}\r\n`) +
    'Cache-Control: no-store\r\n' +
    `X-Weir-Reason: ${reason}\r\n` +
    `${close ? 'Connection: close\r\n' : ''}\r\n`
  return bodyless || empty ? Buffer.from(head, 'latin1') : Buffer.concat([Buffer.from(head, 'latin1'), bytes])
}
