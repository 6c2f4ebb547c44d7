// The path of a request, brought to one form before it is matched and passed on, so that the server sees exactly the path
// that was routed (RFC 3986, sections 5.2.4 and 6.2.2). Otherwise `/public/../admin` is let through as something public and
// served as /admin. In order: encoded separators are decoded (or refused), repeated slashes become one, then dot segments
// go: what the first makes, the others see. Written over the received bytes, since a path only ever becomes shorter: what
// stands before it moves up behind it, and nothing else of the head changes.
// Not touched: the query, other escapes (`%41` stays), and backslashes, which mean something to some servers only.
import type { NormalizePathSpec } from '../../messages/snapshot.ts'
import { BACKSLASH, DOT, PERCENT, QUESTION, SEMICOLON, SLASH } from './characters.ts'
import type { RequestHead } from './request-head.ts'

const ONE_DOT = 1
const TWO_DOTS = 2

/**
 * Rewrites the path of `head` in place; offsets in `head` move with it.
 * @returns false when it leads above the root, or has an encoded separator where those are refused: `head` then is of no
 * more use
 */
export function normalizePath(head: RequestHead, buffer: Buffer, spec: NormalizePathSpec): boolean {
  const start = head.pathStart
  if (buffer[start] !== SLASH) return true // '*', or the empty path of an absolute form
  const end = endOfPath(buffer, start, head.targetEnd)
  if (spec.encodedSeparators === 'refuse' && hasEncodedSeparator(buffer, start, end)) return false
  const newEnd = rewrite(buffer, start, end, spec)
  if (newEnd < 0) return false
  if (newEnd < end) moveUp(head, buffer, newEnd, end - newEnd)
  return true
}

function endOfPath(buffer: Buffer, start: number, targetEnd: number): number {
  let end = start
  while (end < targetEnd && buffer[end] !== QUESTION) end++
  return end
}

function hasEncodedSeparator(buffer: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (decodedSeparator(buffer, i, end) !== 0) return true
  }
  return false
}

/** @returns the separator that is encoded at `i`, `/` or `\`; 0: none */
function decodedSeparator(buffer: Buffer, i: number, end: number): number {
  if (buffer[i] !== PERCENT || i + 2 >= end) return 0
  const high = buffer[i + 1]
  const low = buffer[i + 2]! | 0x20
  return high === 0x32 && low === 0x66 ? SLASH : high === 0x35 && low === 0x63 ? BACKSLASH : 0
}

/**
 * Segment by segment: each is copied behind what is kept of those before it, and then judged.
 * @returns the new end of the path; -1: it leads above the root
 */
function rewrite(buffer: Buffer, start: number, end: number, spec: NormalizePathSpec): number {
  const decodes = spec.encodedSeparators === 'decode'
  let o = start
  let i = start
  while (i < end) {
    // At the slash that a segment begins with; as it stands, or encoded.
    const slash = o
    i += buffer[i] === SLASH ? 1 : 3
    buffer[o++] = SLASH
    while (i < end && buffer[i] !== SLASH) {
      const separator = decodes ? decodedSeparator(buffer, i, end) : 0
      if (separator === SLASH) break
      buffer[o++] = separator === 0 ? buffer[i]! : separator
      i += separator === 0 ? 1 : 3
    }
    const last = i >= end
    if (o === slash + 1) {
      if (spec.mergeSlashes && !last) o = slash
      continue
    }
    const dots = spec.dotSegments ? dotsOf(buffer, slash + 1, o) : 0
    if (dots === 0) continue
    if (dots === TWO_DOTS && slash === start) return -1
    o = dots === ONE_DOT ? slash : parentOf(buffer, slash)
    if (last) buffer[o++] = SLASH // a dot segment at the end names a directory
  }
  return o
}

/** The slash that begins the segment before the one at `slash`. */
function parentOf(buffer: Buffer, slash: number): number {
  let i = slash - 1
  while (buffer[i] !== SLASH) i--
  return i
}

/**
 * 1 for '.', 2 for '..', 0 for any other segment. A dot may be encoded. Parameters change nothing: to some servers `..;a` is
 * `..`, and to the others it is a name that nobody gives to anything.
 */
function dotsOf(buffer: Buffer, from: number, to: number): number {
  let dots = 0
  let i = from
  for (; i < to && buffer[i] !== SEMICOLON; dots++) {
    if (buffer[i] === DOT) i++
    else if (isEncodedDot(buffer, i, to)) i += 3
    else return 0
  }
  return dots <= TWO_DOTS ? dots : 0
}

const isEncodedDot = (buffer: Buffer, i: number, to: number): boolean =>
  buffer[i] === PERCENT && i + 2 < to && buffer[i + 1] === 0x32 && (buffer[i + 2]! | 0x20) === 0x65

/** The head up to `end`, where the path ends now, moves up to where it ended. */
function moveUp(head: RequestHead, buffer: Buffer, end: number, by: number): void {
  buffer.copyWithin(head.start + by, head.start, end)
  head.start += by
  head.methodEnd += by
  head.targetStart += by
  head.pathStart += by
  if (!head.absolute) return
  head.hostStart += by
  head.hostEnd += by
}
