// Heads as they are forwarded: what was received, less what ends at this hop (RFC 9110, section 7.6.1), plus what a server
// must be told of the client. A head from which nothing has to go is copied in one piece; no field becomes a string.
import { CR, SLASH, SPACE } from './characters.ts'
import {
  FIELD_CONNECTION,
  FIELD_CONTENT_LENGTH,
  FIELD_EXPECT,
  FIELD_FORWARDED_FOR,
  FIELD_FORWARDED_SET,
  FIELD_HOP,
  FIELD_HOST,
  FIELD_OTHER,
  FIELD_REQUEST_ID,
  FIELD_TRANSFER_ENCODING,
  FIELD_UPGRADE,
  FIELD_VIA,
  equalsIgnoringCase,
  forEachItem,
  type Fields,
} from './fields.ts'
import { METHOD_OPTIONS, type RequestHead } from './request-head.ts'
import type { ResponseHead } from './response-head.ts'

const bit = (kind: number): number => 1 << kind
const HOP_BY_HOP = bit(FIELD_CONNECTION) | bit(FIELD_HOP) | bit(FIELD_UPGRADE) | bit(FIELD_TRANSFER_ENCODING)
/** What RequestForwarding.drops may be: X-Forwarded-For alone, or with -Proto and -Port. */
export const DROP_FORWARDED_FOR = bit(FIELD_FORWARDED_FOR)
export const DROP_FORWARDED = DROP_FORWARDED_FOR | bit(FIELD_FORWARDED_SET)
const FRAMING = bit(FIELD_CONTENT_LENGTH) | bit(FIELD_TRANSFER_ENCODING)
/**
 * Fields that a Connection option can't take away: they say how long the message is or where it goes, or they are set
 * here. Whether one of them goes is decided by its kind alone.
 */
const PROTECTED =
  bit(FIELD_HOST) | FRAMING | bit(FIELD_UPGRADE) | DROP_FORWARDED | bit(FIELD_REQUEST_ID) | bit(FIELD_VIA)

/** Room that a forwarded head needs beyond the received one and the strings handed in. */
export const HEAD_OVERHEAD = 512

/** What is the same for all requests of one client. */
export interface RequestForwarding {
  /** Which of the fields X-Forwarded-For, -Proto and -Port go: DROP_FORWARDED, DROP_FORWARDED_FOR, or 0. */
  readonly drops: number
  /**
   * Those of ours: 'X-Forwarded-For: a\r\nX-Forwarded-Proto: p\r\nX-Forwarded-Port: n\r\n', or fewer of them in this order, and
   * behind them those that tell who the client is (identity-fields.ts).
   */
  readonly forwarded: string
  /** The X-Forwarded-For that came stays, before the address in ours. */
  readonly appends: boolean
  /** The same, then the start of a request id of ours: 'X-Request-ID: prefix'. */
  readonly forwardedWithId: string
  readonly via: string | null
  /** Host for a client of HTTP/1.0 that sent none. */
  readonly defaultHost: string
}

/** `X-Forwarded-For: ` */
const XFF_PREFIX = 17

/**
 * Writes the request head for the server, up to but without the rest of the request id and the empty line.
 * @param end offset behind the received head
 * @param ownId a request id of ours takes the place of a received one
 * @param upgrade the Upgrade field is passed on
 * @returns length written
 */
export function writeRequestHead(
  out: Buffer,
  head: RequestHead,
  buffer: Buffer,
  end: number,
  forwarding: RequestForwarding,
  ownId: boolean,
  upgrade: boolean,
): number {
  const { fields } = head
  let drop = HOP_BY_HOP | forwarding.drops
  if (ownId) drop |= bit(FIELD_REQUEST_ID)
  if (fields.lengthOdd) drop |= bit(FIELD_CONTENT_LENGTH)
  if (head.absolute) drop |= bit(FIELD_HOST)
  if (head.minor === 0) drop |= bit(FIELD_EXPECT)

  let o = 0
  let from = head.start
  if (head.absolute) {
    o = writeOriginForm(out, head, buffer)
    from = head.fieldsStart
  }
  let lines = ownId ? forwarding.forwardedWithId : forwarding.forwarded
  if ((fields.kinds & drop) === 0) o += buffer.copy(out, o, from, end - 2)
  else {
    o = copyKept(out, o, fields, buffer, drop, from, end - 2)
    const framing = fields.chunked
      ? 'Transfer-Encoding: chunked\r\n'
      : fields.lengthOdd
        ? `Content-Length: ${fields.contentLength}\r\n`
        : ''
    if (framing !== '') o += out.latin1Write(framing, o)
    if (upgrade)
      o += out.latin1Write(`Connection: Upgrade\r\nUpgrade: ${fieldValues(fields, buffer, FIELD_UPGRADE)}\r\n`, o)
    if (forwarding.appends && fields.has(FIELD_FORWARDED_FOR)) lines = appendForwardedFor(lines, fields, buffer)
  }
  // Whatever the client speaks, this hop speaks HTTP/1.1 (RFC 9112, section 2.3).
  if (head.minor === 0 && !head.absolute) out[head.fieldsStart - head.start - 3] = 0x31
  if (fields.hosts === 0 && !head.absolute) o += out.latin1Write(`Host: ${forwarding.defaultHost}\r\n`, o)
  if (forwarding.via !== null) o += out.latin1Write(`Via: 1.${head.minor} ${forwarding.via}\r\n`, o)
  return lines === '' ? o : o + out.latin1Write(lines, o)
}

/** Absolute form becomes origin form, and its authority the Host (RFC 9112, sections 3.2.1 and 3.2.2). */
function writeOriginForm(out: Buffer, head: RequestHead, buffer: Buffer): number {
  let o = buffer.copy(out, 0, head.start, head.methodEnd + 1)
  const empty = head.pathStart === head.targetEnd
  if (empty && head.method === METHOD_OPTIONS) out[o++] = 0x2a
  else if (empty || buffer[head.pathStart] !== SLASH) out[o++] = SLASH
  o += buffer.copy(out, o, head.pathStart, head.targetEnd)
  o += out.latin1Write(' HTTP/1.1\r\nHost: ', o)
  o += buffer.copy(out, o, head.hostStart, head.hostEnd)
  return o + out.latin1Write('\r\n', o)
}

/**
 * Copies `from`..`through`, which hold the field lines, in runs that leave out the kinds in `drop` and what Connection
 * names. What stands before the first line and behind the last is copied with its neighbours.
 */
function copyKept(
  out: Buffer,
  offset: number,
  fields: Fields,
  buffer: Buffer,
  drop: number,
  from: number,
  through: number,
): number {
  const nominated = fields.nominates ? nominatedNames(fields, buffer) : null
  let o = offset
  let run = from
  for (let line = 0; line < fields.count; line++) {
    const kind = fields.kind[line]!
    const goes = (bit(kind) & drop) !== 0 || (nominated !== null && isNominated(nominated, fields, buffer, line, kind))
    if (!goes) continue
    if (run < fields.start[line]!) o += buffer.copy(out, o, run, fields.start[line])
    run = fields.next[line]!
  }
  return run < through ? o + buffer.copy(out, o, run, through) : o
}

function nominatedNames(fields: Fields, buffer: Buffer): Uint8Array[] {
  const names: Uint8Array[] = []
  for (let line = 0; line < fields.count; line++) {
    if (fields.kind[line] !== FIELD_CONNECTION) continue
    forEachItem(buffer, fields.valueStart[line]!, fields.valueEnd[line]!, (from, to) => {
      names.push(Buffer.from(buffer.latin1Slice(from, to).toLowerCase(), 'latin1'))
    })
  }
  return names
}

function isNominated(
  names: readonly Uint8Array[],
  fields: Fields,
  buffer: Buffer,
  line: number,
  kind: number,
): boolean {
  if (kind !== FIELD_OTHER && (bit(kind) & PROTECTED) !== 0) return false
  return names.some((name) => equalsIgnoringCase(buffer, fields.start[line]!, fields.nameEnd[line]!, name))
}

/** All values of one kind as one list. */
export function fieldValues(fields: Fields, buffer: Buffer, kind: number): string {
  let values = ''
  for (let line = 0; line < fields.count; line++) {
    if (fields.kind[line] !== kind) continue
    const value = buffer.latin1Slice(fields.valueStart[line], fields.valueEnd[line])
    if (value !== '') values = values === '' ? value : `${values}, ${value}`
  }
  return values
}

/** The value of a field that must be there once; '' when it is there twice, or not at all. */
export function soleValue(fields: Fields, buffer: Buffer, kind: number): string {
  let found = -1
  for (let line = 0; line < fields.count; line++) {
    if (fields.kind[line] !== kind) continue
    if (found >= 0) return ''
    found = line
  }
  return found < 0 ? '' : buffer.latin1Slice(fields.valueStart[found], fields.valueEnd[found])
}

/** The list that came with the request, then the address of who sent it, in one field. */
function appendForwardedFor(lines: string, fields: Fields, buffer: Buffer): string {
  const before = fieldValues(fields, buffer, FIELD_FORWARDED_FOR)
  return before === '' ? lines : `${lines.slice(0, XFF_PREFIX)}${before}, ${lines.slice(XFF_PREFIX)}`
}

/** Only protocols that start with an HTTP/1.1 request of their own kind; h2c would let requests pass unseen. */
export function allowsUpgrade(fields: Fields, buffer: Buffer): boolean {
  const protocols = fieldValues(fields, buffer, FIELD_UPGRADE)
  return protocols !== '' && !/(^|[\s,])(h2c?|http|tls)\b/i.test(protocols)
}

/** How the connection to the client goes on, said in the response. */
export const SAY_NOTHING = 0
export const SAY_CLOSE = 1
export const SAY_KEEP_ALIVE = 2
/** 101: Connection and Upgrade are passed on. */
export const SAY_UPGRADE = 3
const sayings = [
  '\r\n',
  'Connection: close\r\n\r\n',
  'Connection: keep-alive\r\n\r\n',
  'Connection: Upgrade\r\n\r\n',
] as const

/** Length of 'HTTP/1.1 200'. */
const STATUS_END = 12

/**
 * Writes the response head for the client, with the empty line.
 * @param dropLength the length means nothing here: 1xx, 204, or a chunked body that goes on without its coding
 * @param through offset behind the bytes of the body that follow right behind the head, as they are; `end` for none
 * @param lines fields of ours, each with its CRLF
 * @returns offset behind what was written
 */
export function writeResponseHead(
  out: Buffer,
  offset: number,
  head: ResponseHead,
  buffer: Buffer,
  end: number,
  saying: number,
  dropLength: boolean,
  through: number,
  lines: string,
): number {
  const { fields } = head
  let drop = HOP_BY_HOP
  if (dropLength || fields.lengthOdd) drop |= bit(FIELD_CONTENT_LENGTH)
  if (!dropLength) drop &= ~bit(FIELD_TRANSFER_ENCODING)
  if (saying === SAY_UPGRADE) drop &= ~bit(FIELD_UPGRADE)
  const addsLength = fields.lengthOdd && !dropLength
  const addsNothing = saying === SAY_NOTHING && !addsLength && lines === ''
  let from = head.start
  let o = offset
  if (buffer[from + STATUS_END] === CR) {
    o += buffer.copy(out, o, from, (from += STATUS_END))
    out[o++] = SPACE // there before the reason even when there is no reason (RFC 9112, section 4)
  }
  o = copyKept(out, o, fields, buffer, drop, from, addsNothing ? through : end - 2)
  out[offset + 7] = 0x31
  if (addsNothing) return o
  if (addsLength) o += out.latin1Write(`Content-Length: ${fields.contentLength}\r\n`, o)
  if (lines !== '') o += out.latin1Write(lines, o)
  o += out.latin1Write(sayings[saying]!, o)
  return through > end ? o + buffer.copy(out, o, end, through) : o
}
