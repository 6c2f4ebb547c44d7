// Responses of servers, good ones with what a client must get of them, and bad ones of which it must get nothing.

export interface GoodResponse {
  readonly name: string
  /** As the server sends it; latin1. */
  readonly bytes: string
  readonly then?: 'end'
  /** What the client gets, byte for byte, when all came in one read; default: as sent. */
  readonly gets?: string
  readonly method?: string
  /** Field lines of the request. */
  readonly lines?: string
  readonly version?: string
  /** The connection with the client is closed behind it. */
  readonly closes?: boolean
  /** The connection with the server is not used again. */
  readonly discards?: boolean
  /** What comes behind the response in the same read, and must go nowhere. */
  readonly excess?: string
}

const good = (name: string, bytes: string, rest: Omit<GoodResponse, 'name' | 'bytes'> = {}): GoodResponse => ({ name, bytes, ...rest })
const ok = (lines: string, body = ''): string => `HTTP/1.1 200 OK\r\n${lines}\r\n\r\n${body}`
const CHUNKED = 'Transfer-Encoding: chunked'
const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSECRET'
const PLAIN = ok('Content-Length: 2', 'hi')

/** Same status line and fields, passed on as they are. */
const status = (line: string): GoodResponse => good(line, `${line}\r\nContent-Length: 2\r\n\r\nhi`)
const chunks = (name: string, framed: string, goesOn: string): GoodResponse => good(`chunked: ${name}`, ok(CHUNKED, framed), { gets: ok(CHUNKED, goesOn) })
/** Lines that go no further. */
const gone = (text: string): GoodResponse => good(`${JSON.stringify(text)} goes no further`, ok(`${text}\r\nContent-Length: 2`, 'hi'), { gets: PLAIN })
const field = (text: string): GoodResponse => good(`field ${text.slice(0, 50)}`, ok(`${text}\r\nContent-Length: 2`, 'hi'))
/** A response of which only the head counts. */
const bodyless = (name: string, head: string, method = 'GET', gets = head): GoodResponse[] => [
  good(name, `${head}\r\n\r\n`, { method, gets: `${gets}\r\n\r\n` }),
  good(`${name}, and a body all the same`, `${head}\r\n\r\n`, { method, gets: `${gets}\r\n\r\n`, excess: 'SECRET', discards: true }),
  good(`${name}, and a response all the same`, `${head}\r\n\r\n`, { method, gets: `${gets}\r\n\r\n`, excess: EVIL, discards: true }),
]

export const goodResponses: readonly GoodResponse[] = [
  good('a length', PLAIN),
  good('length 0', ok('Content-Length: 0')),
  good('a length with zeros in front', ok('Content-Length: 002', 'hi'), { gets: PLAIN }),
  good('a length in other case', ok('content-LENGTH:\t2 ', 'hi')),
  good('a body that looks like a response', ok(`Content-Length: ${EVIL.length}`, EVIL)),
  good('a body of control characters', ok('Content-Length: 7', '\0\r\n\n\r\x7f\xff')),
  ...['HTTP/1.1 200 OK', 'HTTP/1.1 200 ', 'HTTP/1.1 404 Not Found', 'HTTP/1.1 500 \xe9t\xe9', 'HTTP/1.1 299 a  b\tc', 'HTTP/1.1 999 x', 'HTTP/1.1 600 x', 'HTTP/1.1 426 Upgrade Required', 'HTTP/1.1 206 x', 'HTTP/1.1 205 x',
    'HTTP/1.1 301 x', 'HTTP/1.1 401 x', 'HTTP/1.1 200 HTTP/1.1 200 OK'].map(status),
  good('no reason, not even a space', 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi', { gets: 'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi' }),
  ...['X:', 'X: y\r\nX: z', 'Set-Cookie: a=b\r\nSet-Cookie: c=d', 'X: \x80\xff', 'X:\ty\t', 'Content-Encoding: gzip', 'Server: x', 'Content_Length: 5', 'Transfer_Encoding: chunked', 'Trailer: x', 'Via: 1.1 b', 'X-Request-ID: b', 'Host: b', 'Expect: x',
    'X-Forwarded-For: b', `X: ${'y'.repeat(9000)}`].map(field),
  good('a hundred fields', ok(`${Array.from({ length: 100 }, (_, i) => `X${i}: y`).join('\r\n')}\r\nContent-Length: 2`, 'hi')),

  // The connection with the server, of which the client hears nothing.
  ...['Connection: keep-alive', 'Connection: x', 'Connection: x\r\nX: y', 'Keep-Alive: timeout=5', 'Proxy-Connection: close', 'TE: x', 'Upgrade: h2c', 'Upgrade: websocket\r\nConnection: Upgrade', 'Connection: a, b\r\nA: 1\r\nB: 2', 'Connection:'].map(gone),
  good('Connection: close', ok('Connection: close\r\nContent-Length: 2', 'hi'), { gets: PLAIN, discards: true }),
  good('Connection: close, and the end', ok('Connection: close\r\nContent-Length: 2', 'hi'), { gets: PLAIN, discards: true, then: 'end' }),
  good('Connection: keep-alive, close', ok('Connection: keep-alive, Close\r\nContent-Length: 2', 'hi'), { gets: PLAIN, discards: true }),
  good('a nomination of Content-Length is not heard', ok('Connection: Content-Length\r\nContent-Length: 2', 'hi'), { gets: PLAIN }),
  good('a nomination of Transfer-Encoding is not heard', ok(`Connection: Transfer-Encoding\r\n${CHUNKED}`, '2\r\nhi\r\n0\r\n\r\n'), { gets: ok(CHUNKED, '2\r\nhi\r\n0\r\n\r\n') }),
  good('more bytes than the length', PLAIN, { excess: 'SECRET', discards: true }),
  good('a response behind the response', PLAIN, { excess: EVIL, discards: true }),
  good('an empty line behind the response', PLAIN, { excess: '\r\n', discards: true }),
  good('a response behind the chunks', ok(CHUNKED, '2\r\nhi\r\n0\r\n\r\n'), { excess: EVIL, discards: true }),

  // Chunks.
  chunks('one', '5\r\nhello\r\n0\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'),
  chunks('none', '0\r\n\r\n', '0\r\n\r\n'),
  chunks('leading zeros', '0005\r\nhello\r\n000\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'),
  chunks('upper case', 'A\r\n0123456789\r\n0\r\n\r\n', 'a\r\n0123456789\r\n0\r\n\r\n'),
  chunks('extensions', '5;a=b ; c="d\\";"\r\nhello\r\n0;x\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'),
  chunks('trailers', '5\r\nhello\r\n0\r\nX: y\r\nContent-Length: 7\r\nTransfer-Encoding: z\r\n\r\n', '5\r\nhello\r\n0\r\n\r\n'),
  good('chunked in other case', ok('tRANSFER-eNCODING:  CHUNKED', '2\r\nhi\r\n0\r\n\r\n')),
  good('chunks to HTTP/1.0', ok(`${CHUNKED}\r\nX: y`, '5;a\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n'), { version: 'HTTP/1.0', gets: ok('X: y\r\nConnection: close', 'hello world'), closes: true }),
  good('chunks to HTTP/1.0 with keep-alive', ok(`${CHUNKED}\r\nX: y`, '2\r\nhi\r\n0\r\n\r\n'), { version: 'HTTP/1.0', lines: 'Connection: keep-alive\r\n', gets: ok('X: y\r\nConnection: close', 'hi'), closes: true }),

  // Until close.
  good('until close', ok('X: y', 'hello'), { then: 'end', gets: ok('X: y\r\nConnection: close', 'hello'), closes: true, discards: true }),
  good('until close, nothing', ok('X: y'), { then: 'end', gets: ok('X: y\r\nConnection: close'), closes: true, discards: true }),
  good('until close, from HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nhello', { then: 'end', gets: ok('Connection: close', 'hello'), closes: true, discards: true }),
  good('until close, with a keep-alive that means nothing', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello', { then: 'end', gets: ok('Connection: close', 'hello'), closes: true, discards: true }),

  // HTTP/1.0 on either side.
  good('HTTP/1.0 server', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi', { gets: PLAIN, discards: true }),
  good('HTTP/1.0 server with keep-alive', 'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nhi', { gets: PLAIN }),
  good('HTTP/1.0 server with keep-alive and close', 'HTTP/1.0 200 OK\r\nConnection: Keep-Alive, close\r\nContent-Length: 2\r\n\r\nhi', { gets: PLAIN, discards: true }),
  good('HTTP/1.0 client', PLAIN, { version: 'HTTP/1.0', gets: ok('Content-Length: 2\r\nConnection: close', 'hi'), closes: true }),
  good('HTTP/1.0 client with keep-alive', PLAIN, { version: 'HTTP/1.0', lines: 'Connection: keep-alive\r\n', gets: ok('Content-Length: 2\r\nConnection: keep-alive', 'hi') }),
  good('client says close', PLAIN, { lines: 'Connection: close\r\n', gets: ok('Content-Length: 2\r\nConnection: close', 'hi'), closes: true }),

  // No body, whatever the head says.
  ...bodyless('204', 'HTTP/1.1 204 No Content'),
  ...bodyless('204 with a length', 'HTTP/1.1 204 x\r\nContent-Length: 6', 'GET', 'HTTP/1.1 204 x'),
  ...bodyless('204 with chunked', 'HTTP/1.1 204 x\r\nTransfer-Encoding: chunked', 'GET', 'HTTP/1.1 204 x'),
  ...bodyless('304', 'HTTP/1.1 304 Not Modified'),
  ...bodyless('304 with a length', 'HTTP/1.1 304 x\r\nContent-Length: 6'),
  ...bodyless('304 with chunked', 'HTTP/1.1 304 x\r\nTransfer-Encoding: chunked'),
  ...bodyless('HEAD with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 6', 'HEAD'),
  ...bodyless('HEAD with chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked', 'HEAD'),
  ...bodyless('HEAD with neither', 'HTTP/1.1 200 OK\r\nX: y', 'HEAD'),
  ...bodyless('HEAD 404', 'HTTP/1.1 404 x\r\nContent-Length: 6', 'HEAD'),

  // Before the response.
  ...['100 Continue', '102 Processing', '103 Early Hints', '199 x', '100 '].map((line) => good(line, `HTTP/1.1 ${line}\r\nX: y\r\n\r\n${PLAIN}`)),
  good('100 without space', `HTTP/1.1 100\r\n\r\n${PLAIN}`, { gets: `HTTP/1.1 100 \r\n\r\n${PLAIN}` }),
  good('100 with a length', `HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n${PLAIN}`, { gets: `HTTP/1.1 100 Continue\r\n\r\n${PLAIN}` }),
  good('103 with chunked', `HTTP/1.1 103 x\r\n${CHUNKED}\r\n\r\n${PLAIN}`, { gets: `HTTP/1.1 103 x\r\n\r\n${PLAIN}` }),
  good('103 with hop-by-hop fields', `HTTP/1.1 103 x\r\nConnection: x\r\nLink: y\r\n\r\n${PLAIN}`, { gets: `HTTP/1.1 103 x\r\nLink: y\r\n\r\n${PLAIN}` }),
  good('several', `HTTP/1.1 100 x\r\n\r\nHTTP/1.1 102 x\r\n\r\nHTTP/1.1 103 x\r\nLink: y\r\n\r\n${PLAIN}`),
  good('thirty', `${'HTTP/1.1 103 x\r\n\r\n'.repeat(30)}${PLAIN}`),
  good('103 to HTTP/1.0', `HTTP/1.1 103 x\r\n\r\n${PLAIN}`, { version: 'HTTP/1.0', gets: ok('Content-Length: 2\r\nConnection: close', 'hi'), closes: true }),
  good('103 to HEAD', `HTTP/1.1 103 x\r\n\r\n${ok('Content-Length: 6')}`, { method: 'HEAD' }),
]

export type BadResponse = readonly [name: string, bytes: string]

const heads = (text: string): BadResponse => [JSON.stringify(text.slice(0, 60)), ok(`${text}\r\nContent-Length: 6`, 'SECRET')]
const line = (text: string): BadResponse => [JSON.stringify(text), `${text}\r\nContent-Length: 6\r\n\r\nSECRET`]
const badChunks = (body: string): BadResponse => [`chunks ${JSON.stringify(body.slice(0, 60))}`, ok(CHUNKED, body)]
const framing = (lines: string, body = 'SECRET'): BadResponse => [`framing ${JSON.stringify(lines)}`, ok(lines, body)]

/** Answered by 502. */
export const badResponses: readonly BadResponse[] = [
  ...['HTTP/1.2 200 OK', 'HTTP/2.0 200 OK', 'HTTP/2 200 OK', 'HTTP/0.9 200 OK', 'http/1.1 200 OK', 'ICY 200 OK', '200 OK', '', ' ', 'HTTP/1.1', 'HTTP/1.1 ', 'HTTP/1.1 20 OK', 'HTTP/1.1 2 OK', 'HTTP/1.1 2000 OK', 'HTTP/1.1 abc OK', 'HTTP/1.1 2x0 OK',
    'HTTP/1.1 -20 OK', 'HTTP/1.1 +200 OK', 'HTTP/1.1 000 x', 'HTTP/1.1 099 x', ' HTTP/1.1 200 OK', '\tHTTP/1.1 200 OK', 'HTTP/1.1  200 OK', 'HTTP/1.1\t200 OK', 'HTTP/1.1 200\tOK', 'HTTP/1.1 200OK', 'HTTP/1.1200 OK', 'HTTP/1.1 200 O\0K', 'HTTP/1.1 200 O\x7fK',
    'HTTP/1.1 200 O\x1bK', 'HTTP/1.1 200 O\rK', 'HTTP/1.1 200 O\nK', 'HTTP/1.1 200 OK\r', 'HTTP/11 200 OK', 'HTTP/1.10 200 OK', 'HTTP/1.1 20\xb2 OK', 'GET / HTTP/1.1', '\r\nHTTP/1.1 200 OK', '\nHTTP/1.1 200 OK', '\0HTTP/1.1 200 OK', 'HTTP/1.1 0200 OK',
    'HTTP/1.1, 200 OK', '<html>'].map(line),
  ...['X: y\r\n z', 'X: y\r\n\tz', ' X: y', '\tX: y', 'X : y', 'X\t: y', 'X', ': y', 'X: y\nZ: w', 'X: y\rZ: w', 'X: y\r\r\nZ: w', 'X: \0', 'X: \x7f', 'X: \x0b', 'X: \x01', 'X\0: y', 'X(: y', 'X\x80: y', 'X,: y', '"X": y', 'X: y\n', `X: ${'y'.repeat(40_000)}`,
    Array.from({ length: 1100 }, () => 'X:').join('\r\n')].map(heads),
  framing('Content-Length: 6\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
  framing('Transfer-Encoding: chunked\r\nContent-Length: 6', '0\r\n\r\n'),
  framing('Content-Length: 6\r\nContent-Length: 6'),
  framing('Content-Length: 6\r\nContent-Length: 7'),
  ...['', '-6', '+6', '6,6', '6, 6', '0x6', '6;', '6 6', 'six', '99999999999999999999', '6.0', '"6"', '\xa06'].map((value) => framing(`Content-Length: ${value}`)),
  ...['', 'gzip', 'gzip, chunked', 'chunked, gzip', 'chunked, chunked', 'xchunked', 'chunked;a', 'identity', '"chunked"', 'chunked,', ',chunked'].map((value) => framing(`Transfer-Encoding: ${value}`, '6\r\nSECRET\r\n0\r\n\r\n')),
  framing('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '6\r\nSECRET\r\n0\r\n\r\n'),
  framing('Transfer-Encoding : chunked', '6\r\nSECRET\r\n0\r\n\r\n'),
  framing('Transfer-Encoding:\r\n chunked', '6\r\nSECRET\r\n0\r\n\r\n'),
  ['chunked from HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nSECRET\r\n0\r\n\r\n'],
  ['101 that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nSECRET'],
  ['101 with a response behind it', `HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\n${EVIL}`],
  ['forty 103', `${'HTTP/1.1 103 x\r\n\r\n'.repeat(40)}${EVIL}`],
  ['a bad response behind 100', 'HTTP/1.1 100 x\r\n\r\nHTTP/1.1 2 x\r\n\r\n'],
  ['LF only', 'HTTP/1.1 200 OK\nContent-Length: 6\n\nSECRET'],
]

/** Answered by 502 when they are seen in time, else broken off: the client must not take it for complete. */
export const brokenBodies: readonly BadResponse[] = [
  ...['0x6', '-6', ' 6', '6 ', '', 'g', '6h', '6;a b', '6;', '10000000000000000', '+6'].map((size) => badChunks(`${size}\r\nSECRET\r\n0\r\n\r\n`)),
  ...['6\nSECRET\r\n0\r\n\r\n', '6\r\nSECRET\n0\r\n\r\n', '6\r\nSECRET0\r\n\r\n', '5\r\nSECRET\r\n0\r\n\r\n', '7\r\nSECRET\r\n0\r\n\r\n', '6\r\nSECRET\r\n0\r\nX: y\r\n z\r\n\r\n', '6\r\nSECRET\r\n0\r\nX : y\r\n\r\n', '6\r\nSECRET\r\n0\n\n',
    '6\r\nSECRET\r\n\r\n0\r\n\r\n', `6\r\nSECRET\r\n0\r\n${EVIL}`, '6;a="\n"\r\nSECRET\r\n0\r\n\r\n', '6\r\r\nSECRET\r\n0\r\n\r\n'].map(badChunks),
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
