// Reads what a client asks for in its first TLS message, while the bytes themselves go on to the server as they came: the
// server name and the application protocols of a ClientHello. RFC 8446, sections 4.1.2, 4.2 and 5.1; RFC 6066, section 3;
// RFC 7301, section 3.1. No length is believed before it has been held against what is there. Nothing is decrypted,
// answered or judged beyond its form: whether the hello is any good is the server's business.
// Stateless: called again from the start when enough more bytes have come (hello-bytes.ts). The limit keeps that cheap, and
// keeps what one client can make us hold small.

/** A hello must end within this many bytes of the connection. Those of browsers with post-quantum keys have about 2,000. */
export const MAX_CLIENT_HELLO = 16_384

export interface ClientHello {
  /** Name of the server that is asked for, lower-cased; '' when the client said none. */
  readonly serverName: string
  /** Application protocols (ALPN) in the client's order, latin1; empty when it said none. */
  readonly protocols: readonly string[]
}

/** `incomplete`: what is there may be the beginning of one. `none`: it is not, or it is malformed or too long. */
export type ClientHelloResult = ClientHello | 'incomplete' | 'none'

/**
 * More bytes never change a result other than `incomplete`.
 * @param bytes what the client has sent so far, from the first byte on
 */
export function parseClientHello(bytes: Buffer): ClientHelloResult {
  const length = gatherMessage(bytes)
  if (length < 0) return bytes.length < MAX_CLIENT_HELLO ? 'incomplete' : 'none'
  return length === MALFORMED ? 'none' : readHello(new Reader(message, HANDSHAKE_HEADER, length))
}

/**
 * A client that sends its hello byte by byte, in thousands of records, is not worth a look for each.
 * @param bytes of which parseClientHello says `incomplete`
 * @returns how many more it takes, at least, until the hello can be complete; 1 or more
 */
export const leastMissing = (bytes: Buffer): number => Math.max(1, -gatherMessage(bytes))

// The record layer: a message may be cut into any number of records (RFC 8446, section 5.1).

const RECORD_HEADER = 5
const RECORD_HANDSHAKE = 22
const MAJOR_VERSION = 3
const MAX_RECORD = 16_384
const HANDSHAKE_HEADER = 4
const CLIENT_HELLO = 1

const MALFORMED = 0

/** The message without its records; of one hello at a time. */
const message = Buffer.allocUnsafeSlow(MAX_CLIENT_HELLO)

/**
 * Fills `message`.
 * @returns above 0: the length of the message with its header; MALFORMED; below 0: so many bytes are missing, at least
 */
function gatherMessage(bytes: Buffer): number {
  const end = Math.min(bytes.length, MAX_CLIENT_HELLO)
  let have = 0
  let missing = 1
  for (let at = 0; at < end;) {
    if (bytes[at] !== RECORD_HANDSHAKE) return MALFORMED
    if (at + 1 < end && bytes[at + 1] !== MAJOR_VERSION) return MALFORMED
    const start = at + RECORD_HEADER
    if (start > end) return end - start
    const size = (bytes[start - 2]! << 8) | bytes[start - 1]!
    if (size === 0 || size > MAX_RECORD) return MALFORMED
    at = start + size
    have += bytes.copy(message, have, start, Math.min(at, end))
    if (have > 0 && message[0] !== CLIENT_HELLO) return MALFORMED
    if (have < HANDSHAKE_HEADER) continue
    const length = HANDSHAKE_HEADER + message.readUIntBE(1, 3)
    if (length + RECORD_HEADER > MAX_CLIENT_HELLO) return MALFORMED
    if (have >= length) return length
    missing = length - have
  }
  return -missing
}

// The message.

const VERSION_AND_RANDOM = 2 + 32
const EXTENSION_SERVER_NAME = 0
const EXTENSION_PROTOCOLS = 16

function readHello(hello: Reader): ClientHello | 'none' {
  hello.skip(VERSION_AND_RANDOM)
  hello.block(1) // session id
  hello.block(2) // cipher suites
  hello.block(1) // compression methods
  let serverName: string | null = null
  let protocols: string[] | null = null
  const extensions = hello.left > 0 ? hello.block(2) : hello // a hello of TLS 1.2 may have none
  while (extensions.left > 0) {
    const type = extensions.number(2)
    const extension = extensions.block(2)
    if (type === EXTENSION_SERVER_NAME) {
      if (serverName !== null) return 'none'
      serverName = readServerName(extension)
    } else if (type === EXTENSION_PROTOCOLS) {
      if (protocols !== null) return 'none'
      protocols = readProtocols(extension)
    }
  }
  if (!hello.sound || hello.left > 0) return 'none'
  return { serverName: serverName ?? '', protocols: protocols ?? [] }
}

const NAME_TYPE_HOST = 0
/** Of a name as the DNS has it. */
const MAX_NAME = 255

/** @returns '' for a list without the name of a host */
function readServerName(extension: Reader): string {
  const list = extension.block(2)
  if (list.left === 0 || extension.left > 0) list.fail()
  let name = ''
  while (list.left > 0) {
    const type = list.number(1)
    const entry = list.block(2)
    if (type !== NAME_TYPE_HOST) continue
    const text = entry.text()
    if (name !== '' || text.length > MAX_NAME || !/^[\x21-\x7e]+$/.test(text)) list.fail()
    name = text.toLowerCase()
  }
  return name
}

function readProtocols(extension: Reader): string[] {
  const list = extension.block(2)
  if (list.left === 0 || extension.left > 0) list.fail()
  const protocols: string[] = []
  while (list.left > 0) {
    const protocol = list.block(1).text()
    if (protocol === '') list.fail()
    protocols.push(protocol)
  }
  return protocols
}

/** Reads big-endian numbers and blocks that begin with their length. Behind the end there is nothing but zeros. */
class Reader {
  readonly #bytes: Buffer
  #at: number
  #end: number
  readonly #root: Reader
  /** Of the outermost reader: nothing has been read that was not there. */
  sound = true

  constructor(bytes: Buffer, at: number, end: number, root?: Reader) {
    this.#bytes = bytes
    this.#at = at
    this.#end = end
    this.#root = root ?? this
  }

  get left(): number {
    return this.#end - this.#at
  }

  /** What follows is not worth reading. */
  fail(): void {
    this.#at = this.#end
    this.#root.sound = false
  }

  skip(n: number): void {
    if (n > this.left) this.fail()
    else this.#at += n
  }

  /** @param width bytes, 1 or 2 */
  number(width: number): number {
    const at = this.#at
    this.skip(width)
    return this.#at === at + width ? this.#bytes.readUIntBE(at, width) : 0
  }

  /** A block whose length stands before it in `width` bytes. */
  block(width: number): Reader {
    const length = this.number(width)
    const at = this.#at
    this.skip(length)
    return new Reader(this.#bytes, at, this.#at === at + length ? this.#at : at, this.#root)
  }

  /** All that is left, as latin1. */
  text(): string {
    const at = this.#at
    this.#at = this.#end
    return this.#bytes.latin1Slice(at, this.#end)
  }
}
