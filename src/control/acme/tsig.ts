// Signs DNS messages with a secret that a name server shares, and checks the signatures of its answers (TSIG, RFC 8945).
import { createHmac, timingSafeEqual } from 'node:crypto'
import { wireName } from './dns-message.ts'

export interface TsigKey {
  readonly name: string
  /** 'hmac-sha256' and so on. */
  readonly algorithm: string
  /** Never logged. */
  readonly secret: Uint8Array
}

const TSIG = 250
const ANY = 255
/** Seconds that clocks may differ by; what RFC 8945, section 10, recommends. */
const FUDGE = 300
const HEADER = 12
/** Of the additional records in the header. */
const ARCOUNT = 10

export const tsigErrors: Readonly<Record<number, string>> = {
  16: 'BADSIG: the signature is wrong: is it the right secret?',
  17: 'BADKEY: it knows no key of that name and algorithm',
  18: 'BADTIME: its clock and ours differ by more than five minutes',
  22: 'BADTRUNC: it takes no signature as short as that',
}

/** @param now seconds since the epoch @returns the message with its signature, and that signature */
export function signMessage(
  message: Buffer,
  key: TsigKey,
  now: number,
): { readonly message: Buffer; readonly mac: Buffer } {
  const parts: Variables = { now, fudge: FUDGE, error: 0, other: Buffer.alloc(0) }
  const mac = hmac(key, message, variables(key, parts))
  const data = Buffer.concat([
    signedName(key.algorithm),
    u48(now),
    u16(FUDGE),
    u16(mac.length),
    mac,
    message.subarray(0, 2),
    u16(0),
    u16(0),
  ])
  const record = Buffer.concat([signedName(key.name), u16(TSIG), u16(ANY), Buffer.alloc(4), u16(data.length), data])
  const signed = Buffer.concat([message, record])
  signed.writeUInt16BE(signed.readUInt16BE(ARCOUNT) + 1, ARCOUNT)
  return { message: signed, mac }
}

/**
 * Whether an answer comes from who has the secret, and belongs to the request.
 * @param mac signature of the request @param now seconds since the epoch
 * @returns null: it does; else what is wrong
 */
export function answerProblem(answer: Buffer, key: TsigKey, mac: Buffer, now: number): string | null {
  const found = findSignature(answer)
  if (found === null) return 'the answer is not signed'
  // A server that knows the key not, or takes the signature for wrong, cannot sign its answer (section 5.3.2).
  if (found.error !== 0 && found.mac.length === 0) return tsigErrors[found.error] ?? `TSIG error ${found.error}`
  const unsigned = Buffer.from(answer.subarray(0, found.start))
  unsigned.writeUInt16BE(unsigned.readUInt16BE(ARCOUNT) - 1, ARCOUNT)
  unsigned.writeUInt16BE(found.id, 0)
  const expected = hmac(key, u16(mac.length), mac, unsigned, variables(key, found))
  if (found.mac.length !== expected.length || !timingSafeEqual(found.mac, expected))
    return 'the signature of the answer is wrong'
  if (found.error !== 0) return tsigErrors[found.error] ?? `TSIG error ${found.error}`
  return Math.abs(now - found.now) > found.fudge ? 'the signature of the answer is from another time' : null
}

interface Variables {
  readonly now: number
  readonly fudge: number
  readonly error: number
  readonly other: Buffer
}

/** What is signed beside the message (section 4.3.3). */
const variables = (key: TsigKey, { now, fudge, error, other }: Variables): Buffer =>
  Buffer.concat([
    signedName(key.name),
    u16(ANY),
    Buffer.alloc(4),
    signedName(key.algorithm),
    u48(now),
    u16(fudge),
    u16(error),
    u16(other.length),
    other,
  ])

const hmac = ({ algorithm, secret }: TsigKey, ...parts: readonly Buffer[]): Buffer => {
  const mac = createHmac(algorithm.replace('hmac-', ''), secret)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

interface Signature extends Variables {
  /** Where its record begins. */
  readonly start: number
  readonly mac: Buffer
  readonly id: number
}

/** The last record, when it is a signature. */
function findSignature(message: Buffer): Signature | null {
  try {
    let at = HEADER
    for (let n = message.readUInt16BE(4); n > 0; n--) at = afterName(message, at) + 4
    const records = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(ARCOUNT)
    let start = at
    for (let n = records; n > 0; n--) {
      start = at
      const fields = afterName(message, at)
      at = fields + 10 + message.readUInt16BE(fields + 8)
    }
    const fields = afterName(message, start)
    if (records === 0 || message.readUInt16BE(fields) !== TSIG) return null
    let next = afterName(message, fields + 10)
    const now = message.readUIntBE(next, 6)
    const fudge = message.readUInt16BE(next + 6)
    const size = message.readUInt16BE(next + 8)
    const mac = message.subarray(next + 10, next + 10 + size)
    next += 10 + size
    const [id, error, length] = [0, 2, 4].map((offset) => message.readUInt16BE(next + offset)) as [
      number,
      number,
      number,
    ]
    return { start, now, fudge, mac, id, error, other: message.subarray(next + 6, next + 6 + length) }
  } catch {
    return null // it ends before it should
  }
}

function afterName(message: Buffer, start: number): number {
  for (let at = start; ;) {
    const length = message.readUInt8(at)
    if (length === 0) return at + 1
    if (length >= 0xc0) return at + 2
    at += 1 + length
  }
}

/** In lower case, as both sides sign them (section 4.3.3). */
const signedName = (text: string): Buffer => wireName(text.toLowerCase())

const u16 = (n: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(n)
  return bytes
}

const u48 = (n: number): Buffer => {
  const bytes = Buffer.alloc(6)
  bytes.writeUIntBE(n, 0, 6)
  return bytes
}
