// An answer that the operator has written, in place of one of ours: of a backend whose circuit breaker is open.
import { STATUS_CODES } from 'node:http'
import type { AnswerSpec } from '../../messages/snapshot.ts'
import type { ReasonCode } from '../../model/reasons.ts'
import type { AnswerHow } from './answer.ts'

/** The whole message. */
export function ownAnswer(
  { status, contentType, body }: AnswerSpec,
  reason: ReasonCode,
  { close, bodyless, lines }: Pick<AnswerHow, 'close' | 'bodyless' | 'lines'>,
): Buffer {
  const empty = status === 204 || status === 304
  const bytes = Buffer.from(empty ? '' : body)
  const head =
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n` +
    `Date: ${new Date().toUTCString()}\r\n` +
    (empty ? '' : `Content-Type: ${contentType}\r\nContent-Length: ${bytes.length}\r\n`) +
    'Cache-Control: no-store\r\n' +
    `X-Weir-Reason: ${reason}\r\n` +
    `${lines}${close ? 'Connection: close\r\n' : ''}\r\n`
  return bodyless || empty ? Buffer.from(head, 'latin1') : Buffer.concat([Buffer.from(head, 'latin1'), bytes])
}
