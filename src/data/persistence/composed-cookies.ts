// Cookies in a head that was composed for a server: taken out, or shortened. The head is edited in place; what stands
// behind a piece that goes moves up. Where cookies are, and what one is, is the business of request-cookies.ts.
import { COLON, CR, LF } from '../http1/characters.ts'
import { equalsIgnoringCase } from '../http1/fields.ts'
import { COOKIE, found, pair, readPair, setFound } from './request-cookies.ts'

/** Cuts pieces out of bytes; what stands behind them moves up. In order, and `end` at last. */
class Cutter {
  #bytes: Buffer = null!
  /** Where what is kept has come to, and where the piece begins that is kept next. */
  #kept = 0
  #from = 0

  begin(bytes: Buffer): void {
    this.#bytes = bytes
    this.#kept = this.#from = 0
  }

  /** bytes[from, to) go. */
  cut(from: number, to: number): void {
    this.#keep(from)
    this.#from = to
  }

  /** @returns how many bytes are gone */
  end(length: number): number {
    const gone = this.#from - this.#kept
    this.#keep(length)
    this.#bytes = null!
    return gone
  }

  #keep(until: number): void {
    if (this.#from !== this.#kept) this.#bytes.copyWithin(this.#kept, this.#from, until)
    this.#kept += until - this.#from
  }
}

const cutter = new Cutter()

/** A line of a composed head: where it and its value begin, where the value ends, and where the next line begins. */
const line = { start: 0, valueStart: 0, valueEnd: 0, next: 0 }

/** Finds the next line of cookies from `at`, the beginning of a line. @returns false at the end of the head */
function nextCookieLine(out: Buffer, at: number, headLength: number): boolean {
  for (let start = at; start < headLength && out[start] !== CR;) {
    const lf = out.indexOf(LF, start)
    if (lf < 0 || lf >= headLength) return false
    if (isCookieLine(out, start)) {
      line.start = start
      line.valueStart = start + COOKIE.length + 1
      line.valueEnd = lf - 1
      line.next = lf + 1
      return true
    }
    start = lf + 1
  }
  return false
}

/** Whether a line of cookies begins here. */
const isCookieLine = (out: Buffer, start: number): boolean =>
  out[start + COOKIE.length] === COLON && equalsIgnoringCase(out, start, start + COOKIE.length, COOKIE)

/**
 * Cuts bytes[from, to) out of the only line of cookies, if it begins at `at`.
 * @returns by how many bytes it is shorter now; 0: it does not
 */
export function cutAt(out: Buffer, length: number, at: number, from: number, to: number): number {
  if (out[at - 1] !== LF || !isCookieLine(out, at)) return 0
  out.copyWithin(at + from, at + to, length)
  return to - from
}

/**
 * Takes all cookies of this name out of a request, and lines in which nothing else stands.
 * @param out a head of `headLength` bytes, and what follows it, `length` bytes in all
 * @returns by how many bytes it is shorter now
 */
export function takeOutCookie(out: Buffer, headLength: number, length: number, name: Uint8Array): number {
  cutter.begin(out)
  for (let at = out.indexOf(LF) + 1; nextCookieLine(out, at, headLength); at = line.next) takeOutOfLine(out, name)
  return cutter.end(length)
}

function takeOutOfLine(out: Buffer, name: Uint8Array): void {
  const end = line.valueEnd
  let ours = 0
  let others = 0
  for (let at = line.valueStart; at < end; at = pair.next) {
    if (readPair(out, at, end, name)) ours++
    else if (pair.end > pair.start) others++
  }
  if (ours === 0) return
  if (others === 0) return cutter.cut(line.start, line.next)
  let first = true // no pair is kept so far: what goes takes the semicolon behind it along, later on the one before it
  let from = -1
  for (let at = line.valueStart; at < end; at = pair.next) {
    const goes = readPair(out, at, end, name)
    if (!first) {
      if (goes) cutter.cut(at - 1, Math.min(pair.next - 1, end))
    } else if (goes) {
      if (from < 0) from = pair.start
    } else if (pair.end > pair.start) {
      first = false
      if (from >= 0) cutter.cut(from, pair.start)
    }
  }
}

/**
 * Takes the first bytes off the values of all cookies of this name, where they are meant to go.
 * @param isPrefix whether the value, which is `found`, begins with one that goes; of `size` bytes
 * @returns by how many bytes it is shorter now
 */
export function takeOffPrefix(
  out: Buffer,
  headLength: number,
  length: number,
  name: Uint8Array,
  size: number,
  isPrefix: (bytes: Buffer) => boolean,
): number {
  cutter.begin(out)
  for (let at = out.indexOf(LF) + 1; nextCookieLine(out, at, headLength); at = line.next) {
    for (let from = line.valueStart; from < line.valueEnd; from = pair.next) {
      if (!readPair(out, from, line.valueEnd, name)) continue
      setFound(out, pair.start + name.length + 1, pair.end)
      if (isPrefix(out)) cutter.cut(found.start, found.start + size)
    }
  }
  return cutter.end(length)
}
