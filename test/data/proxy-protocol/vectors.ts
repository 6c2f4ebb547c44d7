// Headers of the PROXY protocol and what they say: by the specification (proxy-protocol.txt of HAProxy, 2020/03/05), its limits,
// and what it asks a receiver to refuse.

export const SIGNATURE = '0d0a0d0a000d0a515549540a'

/** Version 2 from hexadecimal parts behind the signature; the length is filled in where it says 'LLLL'. */
export function v2(start: string, ...rest: readonly string[]): Buffer {
  const body = Buffer.from(rest.join('').replaceAll(' ', ''), 'hex')
  const length = body.length.toString(16).padStart(4, '0')
  return Buffer.concat([Buffer.from(SIGNATURE + start.replaceAll(' ', '').replace('LLLL', length), 'hex'), body])
}

export const tlv = (type: string, value: Buffer | string): string => {
  const bytes = Buffer.from(value)
  return type + bytes.length.toString(16).padStart(4, '0') + bytes.toString('hex')
}

export const IPV4 = 'c0000207 c6336401 dac4 01bb'
export const IPV6 = '20010db8000000000000000000000007 20010db8000000000000000000000001 dac4 01bb'
const UNIX = Buffer.from('/run/a.sock').toString('hex').padEnd(216, '0') + ''.padEnd(216, '0')

interface Expected {
  readonly source: readonly [string, number] | null
  readonly destination: readonly [string, number] | null
  readonly local?: boolean
}
const nothing: Expected = { source: null, destination: null }
const over4: Expected = { source: ['192.0.2.7', 56_004], destination: ['198.51.100.1', 443] }
const over6: Expected = { source: ['2001:db8::7', 56_004], destination: ['2001:db8::1', 443] }
const full6 = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'
const text = (line: string): Buffer => Buffer.from(line, 'latin1')

export const good: readonly (readonly [name: string, bytes: Buffer, expected: Expected])[] = [
  ['v1 TCP4', text('PROXY TCP4 192.0.2.7 198.51.100.1 56004 443\r\n'), over4],
  [
    'v1 TCP4, the longest',
    text('PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n'),
    { source: ['255.255.255.255', 65_535], destination: ['255.255.255.255', 65_535] },
  ],
  [
    'v1 TCP4, the shortest',
    text('PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n'),
    { source: ['0.0.0.0', 0], destination: ['0.0.0.0', 0] },
  ],
  ['v1 TCP6', text('PROXY TCP6 2001:db8::7 2001:DB8:0:0:0:0:0:1 56004 443\r\n'), over6],
  ['v1 TCP6, the shortest', text('PROXY TCP6 :: ::1 1 2\r\n'), { source: ['::', 1], destination: ['::1', 2] }],
  [
    'v1 TCP6, the longest',
    text(`PROXY TCP6 ${full6} ${full6} 65535 65535\r\n`),
    { source: [full6, 65_535], destination: [full6, 65_535] },
  ],
  [
    'v1 TCP6 of an IPv4 client is its IPv4 address',
    text('PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 56004 443\r\n'),
    { source: ['192.0.2.7', 56_004], destination: ['2001:db8::1', 443] },
  ],
  ['v1 UNKNOWN, short', text('PROXY UNKNOWN\r\n'), nothing],
  ['v1 UNKNOWN, the longest of all', text(`PROXY UNKNOWN ${full6} ${full6} 65535 65535\r\n`), nothing],
  ['v1 UNKNOWN, with anything', text('PROXY UNKNOWN  what ever?\r\n'), nothing],
  ['v2 TCP4', v2('21 11 LLLL', IPV4), over4],
  ['v2 TCP6', v2('21 21 LLLL', IPV6), over6],
  ['v2 unix', v2('21 31 LLLL', UNIX), { source: ['unknown', 0], destination: ['unknown', 0] }],
  ['v2 UNSPEC', v2('21 00 LLLL'), nothing],
  ['v2 UNSPEC with TLVs', v2('21 00 LLLL', tlv('05', 'id')), nothing],
  ['v2 LOCAL', v2('20 00 LLLL'), { ...nothing, local: true }],
  ['v2 LOCAL with addresses', v2('20 11 LLLL', IPV4), { ...nothing, local: true }],
  ['v2 LOCAL of a family that is none, with rubbish', v2('20 ff LLLL', 'ffffff'), { ...nothing, local: true }],
  ['v2 with NOOP to fill up', v2('21 11 LLLL', IPV4, tlv('04', ''), tlv('04', 'xxx')), over4],
  ['v2 with TLVs that nobody knows', v2('21 11 LLLL', IPV4, tlv('e5', 'abc'), tlv('f1', '')), over4],
]

export const bad: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['v1 with two spaces', text('PROXY TCP4  192.0.2.7 198.51.100.1 56004 443\r\n')],
  ['v1 with a space before the end', text('PROXY TCP4 192.0.2.7 198.51.100.1 56004 443 \r\n')],
  ['v1 with a tab', text('PROXY TCP4\t192.0.2.7 198.51.100.1 56004 443\r\n')],
  ['v1 ended by LF alone', text('PROXY TCP4 192.0.2.7 198.51.100.1 56004 443\n')],
  ['v1 with a CR inside', text('PROXY TCP4 192.0.2.7\r198.51.100.1 56004 443\r\n')],
  ['v1 UNKNOWN ended by LF alone', text('PROXY UNKNOWN 1 2\n')],
  ['v1 with a leading zero in the address', text('PROXY TCP4 192.0.2.07 198.51.100.1 56004 443\r\n')],
  ['v1 with a leading zero in a port', text('PROXY TCP4 192.0.2.7 198.51.100.1 056004 443\r\n')],
  ['v1 with a port too high', text('PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n')],
  ['v1 with a port below zero', text('PROXY TCP4 192.0.2.7 198.51.100.1 -1 443\r\n')],
  ['v1 without a port', text('PROXY TCP4 192.0.2.7 198.51.100.1 56004\r\n')],
  ['v1 with one field more', text('PROXY TCP4 192.0.2.7 198.51.100.1 56004 443 1\r\n')],
  ['v1 TCP4 with an IPv6 address', text('PROXY TCP4 2001:db8::7 198.51.100.1 56004 443\r\n')],
  ['v1 TCP6 with an IPv4 address', text('PROXY TCP6 2001:db8::7 198.51.100.1 56004 443\r\n')],
  ['v1 TCP6 with a zone', text('PROXY TCP6 fe80::1%eth0 2001:db8::1 56004 443\r\n')],
  ['v1 TCP6 with two double colons', text('PROXY TCP6 2001::db8::7 2001:db8::1 56004 443\r\n')],
  ['v1 of another family', text('PROXY UDP4 192.0.2.7 198.51.100.1 56004 443\r\n')],
  ['v1 in lower case', text('PROXY tcp4 192.0.2.7 198.51.100.1 56004 443\r\n')],
  ['v1 without an end in 107 bytes', text(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`)],
  ['v2 of version 1', v2('11 11 LLLL', IPV4)],
  ['v2 of version 3', v2('31 11 LLLL', IPV4)],
  ['v2 of a command that is none', v2('22 11 LLLL', IPV4)],
  ['v2 UDP over IPv4', v2('21 12 LLLL', IPV4)],
  ['v2 UDP over IPv6', v2('21 22 LLLL', IPV6)],
  ['v2 unix datagrams', v2('21 32 LLLL', UNIX)],
  ['v2 of a family that is none', v2('21 41 LLLL', IPV4)],
  ['v2 of a transport that is none', v2('21 13 LLLL', IPV4)],
  ['v2 too short for its addresses', v2('21 11 LLLL', 'c0000207 c6336401 dac4')],
  ['v2 too short for its IPv6 addresses', v2('21 21 LLLL', IPV4)],
  ['v2 longer than anybody needs', v2('21 11 LLLL', IPV4, tlv('04', Buffer.alloc(5000)))],
  ['v2 with half a TLV', v2('21 11 LLLL', IPV4, '0400')],
  ['v2 with a TLV that leads behind the end', v2('21 11 LLLL', IPV4, '040005 00')],
  ['v2 with a unique id of 129 bytes', v2('21 11 LLLL', IPV4, tlv('05', Buffer.alloc(129)))],
  ['v2 with a checksum that is wrong', v2('21 11 LLLL', IPV4, tlv('03', Buffer.from('01020304', 'hex')))],
  ['v2 with a checksum of three bytes', v2('21 11 LLLL', IPV4, tlv('03', Buffer.alloc(3)))],
  ['v2 with TLS of four bytes', v2('21 11 LLLL', IPV4, tlv('20', Buffer.alloc(4)))],
  ['v2 with TLS whose own TLVs lead behind its end', v2('21 11 LLLL', IPV4, '20000801 00000000 210001')],
]

/** First bytes of other protocols. */
export const others: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['a request', text('GET / HTTP/1.1\r\n')],
  ['a request that begins with P', text('POST / HTTP/1.1\r\n')],
  ['a method that nearly is one', text('PROXIED / HTTP/1.1\r\n')],
  ['version 1 in lower case', text('proxy tcp4 ')],
  ['version 1 with a tab', text('PROXY\tTCP4 ')],
  ['an empty line, then a request', text('\r\nGET / HTTP/1.1\r\n')],
  ['two empty lines, then a request', text('\r\n\r\nGET / HTTP/1.1\r\n')],
  ['TLS', Buffer.from('160301020001000', 'hex')],
  ['HTTP/2', text('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
  ['a signature with one bit changed', Buffer.from('0d0a0d0a000d0a5155495408', 'hex')],
]
