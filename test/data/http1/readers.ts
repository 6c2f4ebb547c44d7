// The same bytes read by two parsers, without sockets: Weir's, fed as a connection with a client feeds it, and llhttp, the
// parser of Node. What they make of them can be compared.
import { createRequire } from 'node:module'
import { reasonCodes, type ReasonCode } from '../../../src/model/reasons.ts'
import { BAD_BODY, BODY_CHUNKED, BODY_LENGTH, BODY_NONE, Body, CHUNK_OVERHEAD } from '../../../src/data/http1/body.ts'
import { INCOMPLETE } from '../../../src/data/http1/fields.ts'
import { sharedBuffer } from '../../../src/data/io/socket-owner.ts'
import { RequestHead, failureIndex, parseRequestHead } from '../../../src/data/http1/request-head.ts'
import { readChunks } from '../../support/raw-http.ts'

export interface ReadMessage {
  readonly method: string
  readonly target: string
  /** Name, value, name, value; as received. */
  readonly fields: readonly string[]
  /** latin1 */
  readonly body: string
}

export interface Reading {
  /** Complete ones, up to the first that is refused. */
  readonly messages: readonly ReadMessage[]
  readonly refused: ReasonCode | null
  /** What was refused: from its first byte on, for a body from the line end before it on; latin1. */
  readonly rest: string
  /** The last message was to be the last: what follows is not looked at. */
  readonly closed: boolean
}

export const limits = { head: 16_384, fields: 100, target: 8192 }
const head = new RequestHead()

/** @param pieces the bytes, as the reads of a socket would bring them */
export function readByWeir(pieces: readonly Buffer[]): Reading {
  const messages: ReadMessage[] = []
  const body = new Body()
  let message: ReadMessage | null = null
  let sent: Buffer[] = []
  let last = false
  let waiting: Buffer = Buffer.alloc(0)
  for (const piece of pieces) {
    waiting = Buffer.concat([waiting, piece])
    for (;;) {
      if (message === null) {
        const padded = Buffer.concat([waiting, Buffer.alloc(1)])
        const result = parseWithin(padded, waiting.length)
        if (result === INCOMPLETE) break
        if (result < 0)
          return {
            messages,
            refused: reasonCodes[failureIndex(result)]!,
            rest: waiting.toString('latin1'),
            closed: false,
          }
        message = describe(padded)
        const { chunked, contentLength, close, keepAlive } = head.fields
        last = close || (head.minor === 0 && !keepAlive)
        body.start(chunked ? BODY_CHUNKED : contentLength > 0 ? BODY_LENGTH : BODY_NONE, contentLength, false)
        sent = []
        waiting = waiting.subarray(result)
      }
      if (!body.done && waiting.length > 0) {
        const room = Buffer.alloc(waiting.length + CHUNK_OVERHEAD)
        const until = body.copy(waiting, 0, waiting.length, room, 0)
        if (until === BAD_BODY)
          return { messages, refused: 'bad_chunk', rest: `\r\n${waiting.toString('latin1')}`, closed: false }
        sent.push(room.subarray(0, body.written))
        waiting = waiting.subarray(until)
      }
      if (!body.done) break
      messages.push({ ...message, body: plain(body.kind, Buffer.concat(sent)) })
      if (last) return { messages, refused: null, rest: '', closed: true }
      message = null
    }
  }
  return { messages, refused: null, rest: '', closed: false }
}

let place = 0

/** Parses in the buffer that sockets read into, at every alignment in turn, and again outside of it: no difference. */
function parseWithin(padded: Buffer, length: number): number {
  place = (place + 1) % 4
  padded.copy(sharedBuffer, place, 0, length)
  sharedBuffer.fill('x', place + length, place + length + 8) // what a longer read has left behind
  const result = parseRequestHead(head, sharedBuffer, place, place + length, limits)
  const outside = parseRequestHead(head, padded, 0, length, limits)
  if (outside !== (result > 0 ? result - place : result))
    throw new Error(`${result} in the shared buffer, ${outside} outside`)
  return outside
}

/** The body as the server would read it. */
function plain(kind: number, sent: Buffer): string {
  if (kind !== BODY_CHUNKED) return sent.toString('latin1')
  const chunks = readChunks(sent, 0)
  if (chunks === null || typeof chunks === 'string' || chunks.end !== sent.length)
    throw new Error(`not canonical: ${sent.toString('latin1')}`)
  return chunks.body.toString('latin1')
}

function describe(bytes: Buffer): ReadMessage {
  const { fields } = head
  const text = (from: number, to: number): string => bytes.toString('latin1', from, to)
  const list: string[] = []
  for (let i = 0; i < fields.count; i++) {
    list.push(text(fields.start[i]!, fields.nameEnd[i]!), text(fields.valueStart[i]!, fields.valueEnd[i]!))
  }
  return {
    method: text(head.start, head.methodEnd),
    target: text(head.targetStart, head.targetEnd),
    fields: list,
    body: '',
  }
}

interface LlhttpParser {
  [callback: number]: ((...values: never[]) => number | void) | undefined
  initialize(type: number, resource: object, maxHeader: number, lenient: number): void
  execute(bytes: Buffer): number | Error
  close(): void
}
interface LlhttpClass {
  new (): LlhttpParser
  readonly REQUEST: number
  readonly kOnHeaders: number
  readonly kOnHeadersComplete: number
  readonly kOnBody: number
  readonly kOnMessageComplete: number
  readonly kLenientNone: number
}
// The parser that node:http itself uses; not documented, so a change of Node may ask for a change here.
const { HTTPParser, methods } = createRequire(import.meta.url)('node:_http_common') as {
  HTTPParser: LlhttpClass
  methods: readonly string[]
}
export const llhttpMethods: ReadonlySet<string> = new Set(methods)

export interface LlhttpReading {
  readonly messages: readonly ReadMessage[]
  /** Its error code; null: none. */
  readonly refused: string | null
}

export function readByLlhttp(bytes: Buffer): LlhttpReading {
  const messages: ReadMessage[] = []
  const parser = new HTTPParser()
  parser.initialize(HTTPParser.REQUEST, {}, 1_000_000, HTTPParser.kLenientNone)
  let line = { method: '', target: '' }
  let fields: string[] = []
  let body = ''
  let inBody = false
  parser[HTTPParser.kOnHeaders] = (list: string[], url: string) => {
    if (inBody) return // trailers
    fields.push(...list)
    line.target += url
  }
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    _minor: number,
    list: string[] | undefined,
    method: number,
    url: string | undefined,
  ) => {
    fields.push(...(list ?? []))
    line = { method: methods[method]!, target: line.target + (url ?? '') }
    inBody = true
    return 0
  }
  parser[HTTPParser.kOnBody] = (piece: Buffer) => void (body += piece.toString('latin1'))
  parser[HTTPParser.kOnMessageComplete] = () => {
    messages.push({ ...line, fields, body })
    line = { method: '', target: '' }
    fields = []
    body = ''
    inBody = false
  }
  const result = parser.execute(bytes)
  parser.close()
  return {
    messages,
    refused: typeof result === 'number' ? null : ((result as Error & { code?: string }).code ?? 'error'),
  }
}
