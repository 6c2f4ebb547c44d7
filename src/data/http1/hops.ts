// The proxies that a request says it has come by, from the last to the first: the entries of X-Forwarded-For, or the `for`
// of Forwarded (RFC 7239). Each proxy writes behind what it got, so only the right end is the word of the one that we are
// connected to; what stands left of it may be anything. Therefore it is read backwards, and nothing on the left, be it an
// open quote, changes how the right is read. Which of the hops is believed is decided in client-address.ts.
import { NO_ADDRESS, networkText, readNetwork } from '../../balance/address.ts'
import type { TrustSpec } from '../../messages/snapshot.ts'
import { BACKSLASH, COMMA, QUOTE, SPACE, TAB } from './characters.ts'
import { FIELD_FORWARDED_FOR, FIELD_OTHER, equalsIgnoringCase, type Fields } from './fields.ts'

/** Longest text that can be an address with its port, '[' and ']' included; and an element that is worth a look. */
const MAX_NODE = 80
const MAX_ELEMENT = 1024
const MAX_PORT = 65_535

const FORWARDED = new TextEncoder().encode('forwarded')

export class Hops {
  /** Of the hop that `next` came to, in its one form (RFC 5952); its port, 0: not told. */
  address = ''
  port = 0
  readonly #isForwarded: boolean
  #fields: Fields = null!
  #buffer: Buffer = null!
  /** Line that is being read, from its end to its start; #end < #start: it has been. */
  #line = 0
  #start = 0
  #end = -1

  constructor(field: TrustSpec['field']) {
    this.#isForwarded = field === 'forwarded'
  }

  /** Goes behind the last hop of a head. Neither `fields` nor `buffer` may change until the last call of `next`. */
  begin(fields: Fields, buffer: Buffer): void {
    this.#fields = fields
    this.#buffer = buffer
    this.#line = fields.count
    this.#start = 0
    this.#end = -1
  }

  /** @returns false: there is no further hop, or it does not tell an address (`unknown`, a pseudonym, nonsense) */
  next(): boolean {
    const buffer = this.#buffer
    for (;;) {
      if (this.#end < this.#start && !this.#previousLine()) return false
      let from = startOfItem(buffer, this.#start, this.#end, this.#isForwarded)
      let to = this.#end
      this.#end = from - 1
      while (from < to && isBlank(buffer[from]!)) from++
      while (to > from && isBlank(buffer[to - 1]!)) to--
      if (from < to) return this.#isForwarded ? this.#readElement(from, to) : this.#readNode(from, to)
    }
  }

  #previousLine(): boolean {
    const fields = this.#fields
    while (--this.#line >= 0) {
      if (!this.#isWanted(this.#line)) continue
      this.#start = fields.valueStart[this.#line]!
      this.#end = fields.valueEnd[this.#line]!
      return true
    }
    this.#line = 0
    return false
  }

  #isWanted(line: number): boolean {
    const { kind, start, nameEnd } = this.#fields
    if (!this.#isForwarded) return kind[line] === FIELD_FORWARDED_FOR
    return kind[line] === FIELD_OTHER && equalsIgnoringCase(this.#buffer, start[line]!, nameEnd[line]!, FORWARDED)
  }

  #readElement(from: number, to: number): boolean {
    if (to - from > MAX_ELEMENT) return false
    const node = forOf(this.#buffer.latin1Slice(from, to))
    return node !== null && this.#setNode(node)
  }

  #readNode(from: number, to: number): boolean {
    return to - from <= MAX_NODE && this.#setNode(this.#buffer.latin1Slice(from, to))
  }

  #setNode(text: string): boolean {
    const parts = NODE.exec(text)
    const address = parts?.[1] ?? parts?.[2] ?? text
    if (address.includes('%') || readNetwork(address, 32, 128) === NO_ADDRESS) return false
    const port = parts?.[3]?.startsWith('_') === false ? Number(parts[3]) : 0
    if (port > MAX_PORT) return false
    this.address = networkText(address, 32, 128)
    this.port = port
    return true
  }
}

const isBlank = (byte: number): boolean => byte === SPACE || byte === TAB

/** Where the last item of the list in start..end begins. @param quoted commas within quotes divide nothing */
function startOfItem(buffer: Uint8Array, start: number, end: number, quoted: boolean): number {
  for (let i = end - 1; i >= start; i--) {
    if (buffer[i] === COMMA) return i + 1
    if (quoted && buffer[i] === QUOTE) i = openingQuote(buffer, start, i)
  }
  return start
}

/** Of the quoted string that ends with the quote at `closing`; `start` when it never began: the rest is one bad item. */
function openingQuote(buffer: Uint8Array, start: number, closing: number): number {
  for (let i = closing - 1; i > start; i--) {
    if (buffer[i] !== QUOTE) continue
    let escapes = i
    while (escapes > start && buffer[escapes - 1] === BACKSLASH) escapes--
    if ((i - escapes) % 2 === 0) return i
    i = escapes
  }
  return start
}

/** An address in brackets or a dotted quad, with or without a port. IPv6 without brackets is what X-Forwarded-For has. */
const NODE = /^(?:\[([\da-f.]*:[\da-f:.]*)\]|([\d.]+))(?::(\d{1,5}|_[\w.-]+))?$/i

/** Parameter of a forwarded-element: token "=" value, up to the next ";" (RFC 7239, section 4). */
const PARAMETER = /[ \t]*([!#$%&'*+.^_`|~\w-]+)=("(?:[^"\\]|\\[^])*"|[^";\s]*)[ \t]*(?:;|$)/y

/** @returns what the element's one `for` says, without its quotes; null when there is none, or two, or it is malformed */
function forOf(element: string): string | null {
  let node: string | null = null
  PARAMETER.lastIndex = 0
  while (PARAMETER.lastIndex < element.length) {
    const parameter = PARAMETER.exec(element)
    if (parameter === null) return null
    if (parameter[1]!.toLowerCase() !== 'for') continue
    if (node !== null) return null
    const value = parameter[2]!
    node = value.startsWith('"') ? value.slice(1, -1) : value
  }
  return node
}
