// Writes ASN.1 in its distinguished encoding (DER; X.690, section 10): tag, length, content. Just what certificates and requests
// for them are made of (x509.ts); what comes from others is read by pkijs.

/** @param tag whole identifier octet: 0x30 for SEQUENCE, 0xa0 and up for what is tagged in its context */
export function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const size = content.reduce((sum, { length }) => sum + length, 0)
  const length = size < 0x80 ? [size] : withCount(bytesOf(size))
  return Buffer.concat([Buffer.of(tag, ...length), ...content])
}

const withCount = (bytes: readonly number[]): readonly number[] => [0x80 | bytes.length, ...bytes]

/** Big-endian, with no zero in front. */
function bytesOf(n: number): number[] {
  const bytes: number[] = []
  for (let rest = n; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return bytes
}

export const sequence = (...content: readonly Uint8Array[]): Buffer => der(0x30, ...content)
export const set = (...content: readonly Uint8Array[]): Buffer => der(0x31, ...content)
export const octets = (...content: readonly Uint8Array[]): Buffer => der(0x04, ...content)
export const utf8 = (text: string): Buffer => der(0x0c, Buffer.from(text))
export const yes = (): Buffer => der(0x01, Buffer.of(0xff))

/** @param unused bits at the end of the last byte */
export const bits = (content: Uint8Array, unused = 0): Buffer => der(0x03, Buffer.of(unused), content)

/** A number that is not negative. @param bytes big-endian */
export function integer(bytes: Uint8Array): Buffer {
  let from = 0
  while (from < bytes.length - 1 && bytes[from] === 0) from++
  const short = bytes.subarray(from)
  return (short[0]! & 0x80) === 0 ? der(0x02, short) : der(0x02, Buffer.of(0), short)
}

/** @param dotted '2.5.29.17' */
export function oid(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number)
  const bytes = [first! * 40 + second!, ...rest].flatMap((part) => {
    const groups = [part & 0x7f]
    for (let more = part >>> 7; more > 0; more >>>= 7) groups.unshift((more & 0x7f) | 0x80)
    return groups
  })
  return der(0x06, Buffer.from(bytes))
}

/** Two digits of the year up to 2049, four from then on (RFC 5280, section 4.1.2.5). */
export function time(at: Date): Buffer {
  const text = at
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:T]/g, '')
  return at.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text))
}
