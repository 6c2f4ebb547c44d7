// Responses of servers that must get through, each with what a client must get of it.

export interface GoodResponse {
  readonly name: string
  /** As the server sends it; latin1. */
  readonly bytes: string
  readonly ending?: 'end'
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

const good = (name: string, bytes: string, rest: Omit<GoodResponse, 'name' | 'bytes'> = {}): GoodResponse => ({
  name,
  bytes,
  ...rest,
})
const ok = (lines: string, body = ''): string => `HTTP/1.1 200 OK\r\n${lines}\r\n\r\n${body}`
const CHUNKED = 'Transfer-Encoding: chunked'
const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSECRET'
const PLAIN = ok('Content-Length: 2', 'hi')

/** Same status line and fields, passed on as they are. */
const status = (line: string): GoodResponse => good(line, `${line}\r\nContent-Length: 2\r\n\r\nhi`)
const chunks = (name: string, framed: string, goesOn: string): GoodResponse =>
  good(`chunked: ${name}`, ok(CHUNKED, framed), { gets: ok(CHUNKED, goesOn) })
/** Lines that go no further. */
const gone = (text: string): GoodResponse =>
  good(`${JSON.stringify(text)} goes no further`, ok(`${text}\r\nContent-Length: 2`, 'hi'), { gets: PLAIN })
const field = (text: string): GoodResponse =>
  good(`field ${text.slice(0, 50)}`, ok(`${text}\r\nContent-Length: 2`, 'hi'))
/** A response of which only the head counts. */
const bodyless = (name: string, head: string, method = 'GET', gets = head): GoodResponse[] => [
  good(name, `${head}\r\n\r\n`, { method, gets: `${gets}\r\n\r\n` }),
  good(`${name}, and a body all the same`, `${head}\r\n\r\n`, {
    method,
    gets: `${gets}\r\n\r\n`,
    excess: 'SECRET',
    discards: true,
  }),
  good(`${name}, and a response all the same`, `${head}\r\n\r\n`, {
    method,
    gets: `${gets}\r\n\r\n`,
    excess: EVIL,
    discards: true,
  }),
]

export const goodResponses: readonly GoodResponse[] = [
  good('a length', PLAIN),
  good('length 0', ok('Content-Length: 0')),
  good('a length with zeros in front', ok('Content-Length: 002', 'hi'), { gets: PLAIN }),
  good('a length in other case', ok('content-LENGTH:\t2 ', 'hi')),
  good('a body that looks like a response', ok(`Content-Length: ${EVIL.length}`, EVIL)),
  good('a body of control characters', ok('Content-Length: 7', '\0\r\n\n\r\x7f\xff')),
  ...[
    'HTTP/1.1 200 OK',
    'HTTP/1.1 200 ',
    'HTTP/1.1 404 Not Found',
    'HTTP/1.1 500 \xe9t\xe9',
    'HTTP/1.1 299 a  b\tc',
    'HTTP/1.1 999 x',
    'HTTP/1.1 600 x',
    'HTTP/1.1 426 Upgrade Required',
    'HTTP/1.1 206 x',
    'HTTP/1.1 205 x',
    'HTTP/1.1 301 x',
    'HTTP/1.1 401 x',
    'HTTP/1.1 200 HTTP/1.1 200 OK',
  ].map(status),
  good('no reason, not even a space', 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi', {
    gets: 'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi',
  }),
  ...[
    'X:',
    'X: y\r\nX: z',
    'Set-Cookie: a=b\r\nSet-Cookie: c=d',
    'X: \x80\xff',
    'X:\ty\t',
    'Content-Encoding: gzip',
    'Server: x',
    'Content_Length: 5',
    'Transfer_Encoding: chunked',
    'Trailer: x',
    'Via: 1.1 b',
    'X-Request-ID: b',
    'Host: b',
    'Expect: x',
    'X-Forwarded-For: b',
    `X: ${'y'.repeat(9000)}`,
  ].map(field),
  good(
    'a hundred fields',
    ok(`${Array.from({ length: 100 }, (_, i) => `X${i}: y`).join('\r\n')}\r\nContent-Length: 2`, 'hi'),
  ),

  // The connection with the server, of which the client hears nothing.
  ...[
    'Connection: keep-alive',
    'Connection: x',
    'Connection: x\r\nX: y',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: close',
    'TE: x',
    'Upgrade: h2c',
    'Upgrade: websocket\r\nConnection: Upgrade',
    'Connection: a, b\r\nA: 1\r\nB: 2',
    'Connection:',
  ].map(gone),
  good('Connection: close', ok('Connection: close\r\nContent-Length: 2', 'hi'), { gets: PLAIN, discards: true }),
  good('Connection: close, and the end', ok('Connection: close\r\nContent-Length: 2', 'hi'), {
    gets: PLAIN,
    discards: true,
    ending: 'end',
  }),
  good('Connection: keep-alive, close', ok('Connection: keep-alive, Close\r\nContent-Length: 2', 'hi'), {
    gets: PLAIN,
    discards: true,
  }),
  good('a nomination of Content-Length is not heard', ok('Connection: Content-Length\r\nContent-Length: 2', 'hi'), {
    gets: PLAIN,
  }),
  good(
    'a nomination of Transfer-Encoding is not heard',
    ok(`Connection: Transfer-Encoding\r\n${CHUNKED}`, '2\r\nhi\r\n0\r\n\r\n'),
    { gets: ok(CHUNKED, '2\r\nhi\r\n0\r\n\r\n') },
  ),
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
  chunks(
    'trailers',
    '5\r\nhello\r\n0\r\nX: y\r\nContent-Length: 7\r\nTransfer-Encoding: z\r\n\r\n',
    '5\r\nhello\r\n0\r\n\r\n',
  ),
  good('chunked in other case', ok('tRANSFER-eNCODING:  CHUNKED', '2\r\nhi\r\n0\r\n\r\n')),
  good('chunks to HTTP/1.0', ok(`${CHUNKED}\r\nX: y`, '5;a\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n'), {
    version: 'HTTP/1.0',
    gets: ok('X: y\r\nConnection: close', 'hello world'),
    closes: true,
  }),
  good('chunks to HTTP/1.0 with keep-alive', ok(`${CHUNKED}\r\nX: y`, '2\r\nhi\r\n0\r\n\r\n'), {
    version: 'HTTP/1.0',
    lines: 'Connection: keep-alive\r\n',
    gets: ok('X: y\r\nConnection: close', 'hi'),
    closes: true,
  }),

  // Until close.
  good('until close', ok('X: y', 'hello'), {
    ending: 'end',
    gets: ok('X: y\r\nConnection: close', 'hello'),
    closes: true,
    discards: true,
  }),
  good('until close, nothing', ok('X: y'), {
    ending: 'end',
    gets: ok('X: y\r\nConnection: close'),
    closes: true,
    discards: true,
  }),
  good('until close, from HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nhello', {
    ending: 'end',
    gets: ok('Connection: close', 'hello'),
    closes: true,
    discards: true,
  }),
  good('until close, with a keep-alive that means nothing', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello', {
    ending: 'end',
    gets: ok('Connection: close', 'hello'),
    closes: true,
    discards: true,
  }),

  // HTTP/1.0 on either side.
  good('HTTP/1.0 server', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi', { gets: PLAIN, discards: true }),
  good('HTTP/1.0 server with keep-alive', 'HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nhi', {
    gets: PLAIN,
  }),
  good(
    'HTTP/1.0 server with keep-alive and close',
    'HTTP/1.0 200 OK\r\nConnection: Keep-Alive, close\r\nContent-Length: 2\r\n\r\nhi',
    { gets: PLAIN, discards: true },
  ),
  good('HTTP/1.0 client', PLAIN, {
    version: 'HTTP/1.0',
    gets: ok('Content-Length: 2\r\nConnection: close', 'hi'),
    closes: true,
  }),
  good('HTTP/1.0 client with keep-alive', PLAIN, {
    version: 'HTTP/1.0',
    lines: 'Connection: keep-alive\r\n',
    gets: ok('Content-Length: 2\r\nConnection: keep-alive', 'hi'),
  }),
  good('client says close', PLAIN, {
    lines: 'Connection: close\r\n',
    gets: ok('Content-Length: 2\r\nConnection: close', 'hi'),
    closes: true,
  }),

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
  ...['100 Continue', '102 Processing', '103 Early Hints', '199 x', '100 '].map((line) =>
    good(line, `HTTP/1.1 ${line}\r\nX: y\r\n\r\n${PLAIN}`),
  ),
  good('100 without space', `HTTP/1.1 100\r\n\r\n${PLAIN}`, { gets: `HTTP/1.1 100 \r\n\r\n${PLAIN}` }),
  good('100 with a length', `HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n${PLAIN}`, {
    gets: `HTTP/1.1 100 Continue\r\n\r\n${PLAIN}`,
  }),
  good('103 with chunked', `HTTP/1.1 103 x\r\n${CHUNKED}\r\n\r\n${PLAIN}`, { gets: `HTTP/1.1 103 x\r\n\r\n${PLAIN}` }),
  good('103 with hop-by-hop fields', `HTTP/1.1 103 x\r\nConnection: x\r\nLink: y\r\n\r\n${PLAIN}`, {
    gets: `HTTP/1.1 103 x\r\nLink: y\r\n\r\n${PLAIN}`,
  }),
  good('several', `HTTP/1.1 100 x\r\n\r\nHTTP/1.1 102 x\r\n\r\nHTTP/1.1 103 x\r\nLink: y\r\n\r\n${PLAIN}`),
  good('thirty', `${'HTTP/1.1 103 x\r\n\r\n'.repeat(30)}${PLAIN}`),
  good('103 to HTTP/1.0', `HTTP/1.1 103 x\r\n\r\n${PLAIN}`, {
    version: 'HTTP/1.0',
    gets: ok('Content-Length: 2\r\nConnection: close', 'hi'),
    closes: true,
  }),
  good('103 to HEAD', `HTTP/1.1 103 x\r\n\r\n${ok('Content-Length: 6')}`, { method: 'HEAD' }),
]
