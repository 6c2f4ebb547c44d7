// Responses of servers of which a client must get nothing, or must see that they are not complete. Rows: name and bytes
// (latin1); what they carry as SECRET must not be seen by any client.

const ok = (lines: string, body = ''): string => `HTTP/1.1 200 OK\r\n${lines}\r\n\r\n${body}`
const CHUNKED = 'Transfer-Encoding: chunked'
const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSECRET'

export type BadResponse = readonly [name: string, bytes: string]

const heads = (text: string): BadResponse => [
  JSON.stringify(text.slice(0, 60)),
  ok(`${text}\r\nContent-Length: 6`, 'SECRET'),
]
const line = (text: string): BadResponse => [JSON.stringify(text), `${text}\r\nContent-Length: 6\r\n\r\nSECRET`]
const badChunks = (body: string): BadResponse => [`chunks ${JSON.stringify(body.slice(0, 60))}`, ok(CHUNKED, body)]
const framing = (lines: string, body = 'SECRET'): BadResponse => [`framing ${JSON.stringify(lines)}`, ok(lines, body)]

/** Answered by 502. */
export const badResponses: readonly BadResponse[] = [
  ...[
    'HTTP/1.2 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/2 200 OK',
    'HTTP/0.9 200 OK',
    'http/1.1 200 OK',
    'ICY 200 OK',
    '200 OK',
    '',
    ' ',
    'HTTP/1.1',
    'HTTP/1.1 ',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 abc OK',
    'HTTP/1.1 2x0 OK',
    'HTTP/1.1 -20 OK',
    'HTTP/1.1 +200 OK',
    'HTTP/1.1 000 x',
    'HTTP/1.1 099 x',
    ' HTTP/1.1 200 OK',
    '\tHTTP/1.1 200 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.1 200\tOK',
    'HTTP/1.1 200OK',
    'HTTP/1.1200 OK',
    'HTTP/1.1 200 O\0K',
    'HTTP/1.1 200 O\x7fK',
    'HTTP/1.1 200 O\x1bK',
    'HTTP/1.1 200 O\rK',
    'HTTP/1.1 200 O\nK',
    'HTTP/1.1 200 OK\r',
    'HTTP/11 200 OK',
    'HTTP/1.10 200 OK',
    'HTTP/1.1 20\xb2 OK',
    'GET / HTTP/1.1',
    '\r\nHTTP/1.1 200 OK',
    '\nHTTP/1.1 200 OK',
    '\0HTTP/1.1 200 OK',
    'HTTP/1.1 0200 OK',
    'HTTP/1.1, 200 OK',
    '<html>',
  ].map(line),
  ...[
    'X: y\r\n z',
    'X: y\r\n\tz',
    ' X: y',
    '\tX: y',
    'X : y',
    'X\t: y',
    'X',
    ': y',
    'X: y\nZ: w',
    'X: y\rZ: w',
    'X: y\r\r\nZ: w',
    'X: \0',
    'X: \x7f',
    'X: \x0b',
    'X: \x01',
    'X\0: y',
    'X(: y',
    'X\x80: y',
    'X,: y',
    '"X": y',
    'X: y\n',
    `X: ${'y'.repeat(40_000)}`,
    Array.from({ length: 1100 }, () => 'X:').join('\r\n'),
  ].map(heads),
  framing('Content-Length: 6\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
  framing('Transfer-Encoding: chunked\r\nContent-Length: 6', '0\r\n\r\n'),
  framing('Content-Length: 6\r\nContent-Length: 6'),
  framing('Content-Length: 6\r\nContent-Length: 7'),
  ...['', '-6', '+6', '6,6', '6, 6', '0x6', '6;', '6 6', 'six', '99999999999999999999', '6.0', '"6"', '\xa06'].map(
    (value) => framing(`Content-Length: ${value}`),
  ),
  ...[
    '',
    'gzip',
    'gzip, chunked',
    'chunked, gzip',
    'chunked, chunked',
    'xchunked',
    'chunked;a',
    'identity',
    '"chunked"',
    'chunked,',
    ',chunked',
  ].map((value) => framing(`Transfer-Encoding: ${value}`, '6\r\nSECRET\r\n0\r\n\r\n')),
  framing('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '6\r\nSECRET\r\n0\r\n\r\n'),
  framing('Transfer-Encoding : chunked', '6\r\nSECRET\r\n0\r\n\r\n'),
  framing('Transfer-Encoding:\r\n chunked', '6\r\nSECRET\r\n0\r\n\r\n'),
  ['chunked from HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nSECRET\r\n0\r\n\r\n'],
  [
    '101 that nobody asked for',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nSECRET',
  ],
  ['101 with a response behind it', `HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\n${EVIL}`],
  ['forty 103', `${'HTTP/1.1 103 x\r\n\r\n'.repeat(40)}${EVIL}`],
  ['a bad response behind 100', 'HTTP/1.1 100 x\r\n\r\nHTTP/1.1 2 x\r\n\r\n'],
  ['LF only', 'HTTP/1.1 200 OK\nContent-Length: 6\n\nSECRET'],
]

/** Answered by 502 when they are seen in time, else broken off: the client must not take it for complete. */
export const brokenBodies: readonly BadResponse[] = [
  ...['0x6', '-6', ' 6', '6 ', '', 'g', '6h', '6;a b', '6;', '10000000000000000', '+6'].map((size) =>
    badChunks(`${size}\r\nSECRET\r\n0\r\n\r\n`),
  ),
  ...[
    '6\nSECRET\r\n0\r\n\r\n',
    '6\r\nSECRET\n0\r\n\r\n',
    '6\r\nSECRET0\r\n\r\n',
    '5\r\nSECRET\r\n0\r\n\r\n',
    '7\r\nSECRET\r\n0\r\n\r\n',
    '6\r\nSECRET\r\n0\r\nX: y\r\n z\r\n\r\n',
    '6\r\nSECRET\r\n0\r\nX : y\r\n\r\n',
    '6\r\nSECRET\r\n0\n\n',
    '6\r\nSECRET\r\n\r\n0\r\n\r\n',
    `6\r\nSECRET\r\n0\r\n${EVIL}`,
    '6;a="\n"\r\nSECRET\r\n0\r\n\r\n',
    '6\r\r\nSECRET\r\n0\r\n\r\n',
  ].map(badChunks),
]

/** The server ends or breaks off before the end. */
export const cutOff: readonly BadResponse[] = [
  ['in the body', ok('Content-Length: 9', 'part')],
  ['before the body', ok('Content-Length: 9')],
  ['in a chunk', ok(CHUNKED, '9\r\npart')],
  ['in a size', ok(CHUNKED, '4\r\npart\r\n9')],
  ['behind a chunk', ok(CHUNKED, '4\r\npart\r\n')],
  ['before the last line', ok(CHUNKED, '4\r\npart\r\n0\r\n')],
  ['in the last line', ok(CHUNKED, '4\r\npart\r\n0\r\n\r')],
  ['in a trailer', ok(CHUNKED, '4\r\npart\r\n0\r\nX: y')],
]
/** Nothing of a response has reached the client: 502. */
export const noResponse: readonly BadResponse[] = [
  ['at once', ''],
  ['in the status line', 'HTTP/1.1 20'],
  ['behind the status line', 'HTTP/1.1 200 OK\r\n'],
  ['in the head', 'HTTP/1.1 200 OK\r\nContent-Le'],
  ['before the empty line', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n'],
  ['behind 100', 'HTTP/1.1 100 Continue\r\n\r\n'],
]
