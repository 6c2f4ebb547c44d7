// What Weir answers itself, because the request is meant for it: the checks of a tier above (health-endpoint.ts) and the
// authority of ACME that looks whether a name is ours (challenge-page.ts). Such a page comes before anything that could
// refuse or route a request, and no server hears of it. Answers to requests that something is wrong with are not here
// (answer.ts), nor is what an operator has written (own-answer.ts).
import { STATUS_CODES } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { WorkerContext } from '../context.ts'
import { recordOwnAnswer, type RecordedClient } from './record.ts'
import { METHOD_HEAD, type RequestHead } from './request-head.ts'

export interface OwnPage {
  readonly status: number
  readonly contentType: string
  /** ASCII: characters are bytes. */
  readonly body: string
  /** Counted and logged like other requests. */
  readonly counted: boolean
}

/** What is needed of the connection that the request came by. */
export interface PageClient extends RecordedClient {
  readonly socket: { write(text: string, encoding: 'latin1'): boolean }
  /** The connection is to end after the response that is under way. */
  readonly leaving: boolean
  /** Line of Strict-Transport-Security, with its CRLF; '': none. */
  readonly hsts: string
}

/**
 * @param bytesIn of the head
 * @returns whether the connection goes on: not with HTTP/1.0, and not when a body follows, which nobody wants
 */
export function sendOwnPage(
  page: OwnPage,
  context: WorkerContext,
  client: PageClient,
  head: RequestHead,
  buffer: Buffer,
  bytesIn: number,
): boolean {
  const startedAt = performance.now()
  const { fields } = head
  const keep = head.minor === 1 && !fields.close && !fields.chunked && fields.contentLength <= 0 && !client.leaving
  const message = messageOf(page, `${client.hsts}${keep ? '' : 'Connection: close\r\n'}`, head.method === METHOD_HEAD)
  client.socket.write(message, 'latin1')
  const { status, counted } = page
  if (counted) recordOwnAnswer(context, client, head, buffer, { status, bytesIn, bytesOut: message.length, startedAt })
  return keep
}

/** @param lines further fields, each with its CRLF */
function messageOf({ status, contentType, body }: OwnPage, lines: string, bodyless: boolean): string {
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
    `Date: ${new Date().toUTCString()}\r\n` +
    `Content-Type: ${contentType}\r\n` +
    `Content-Length: ${body.length}\r\n` +
    `Cache-Control: no-store\r\n${lines}\r\n${bodyless ? '' : body}`
  )
}
