// Requests that must get through, and the exact head and body in which they must arrive when no field is added.
// What is not said arrives as it was sent.

export interface GoodRequest {
  readonly name: string
  /** As sent; latin1. */
  readonly bytes: string
  /** Head as it arrives, without the empty line; PORT is the port of the bind. Default: as sent. */
  readonly head?: string
  /** Body as it arrives, without framing; default: what stands behind the head. */
  readonly body?: string
  /** The connection is closed behind the answer. */
  readonly closes?: boolean
  readonly method?: string
}

const good = (name: string, bytes: string, rest: Omit<GoodRequest, 'name' | 'bytes'> = {}): GoodRequest => ({
  name,
  bytes,
  ...rest,
})
const line = (text: string): string => `${text}\r\nHost: a\r\n\r\n`
const field = (text: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${text}\r\n\r\n`
/** A field that is taken away. */
const gone = (text: string, name = text): GoodRequest =>
  good(`${JSON.stringify(name)} goes no further`, field(text), { head: 'GET / HTTP/1.1\r\nHost: a' })
const host = (value: string): GoodRequest =>
  good(`Host ${JSON.stringify(value)}`, `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`)
const target = (value: string): GoodRequest => good(`target ${value}`, line(`GET ${value} HTTP/1.1`))

/** With absolute targets, Host is what the target says, whatever the field says (RFC 9112, section 3.2.2). */
const absolute = (value: string, origin: string, authority: string, method = 'GET'): GoodRequest =>
  good(`${method} ${value}`, `${method} ${value} HTTP/1.1\r\nHost: other\r\nX: y\r\n\r\n`, {
    head: `${method} ${origin} HTTP/1.1\r\nHost: ${authority}\r\nX: y`,
  })

const CHUNKED = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked'
const chunks = (name: string, framed: string, body: string): GoodRequest =>
  good(`chunked: ${name}`, `${CHUNKED}\r\n\r\n${framed}`, { head: CHUNKED, body })
const size = (text: string): GoodRequest =>
  chunks(`size ${text.slice(0, 40)}`, `${text}\r\nhello\r\n0\r\n\r\n`, 'hello')
const extension = (text: string): GoodRequest =>
  chunks(`extension ${text.slice(0, 40)}`, `5${text}\r\nhello\r\n0${text}\r\n\r\n`, 'hello')
const trailer = (text: string): GoodRequest => chunks(`trailer ${text}`, `5\r\nhello\r\n0\r\n${text}\r\n\r\n`, 'hello')

const tchars = "!#$%&'*+-.^_`|~0123456789abcXYZ"

export const goodRequests: readonly GoodRequest[] = [
  // Methods, targets, hosts.
  ...[
    'GET',
    'POST',
    'PUT',
    'DELETE',
    'PATCH',
    'OPTIONS',
    'PROPFIND',
    'get',
    'G',
    'valueOf',
    'PURGE',
    'M-SEARCH',
    tchars,
    'TRACE',
  ].map((method) => good(`method ${method}`, line(`${method} / HTTP/1.1`), { method })),
  good('HEAD', line('HEAD / HTTP/1.1'), { method: 'HEAD' }),
  ...[
    '/',
    '//',
    '/a/../b',
    '/a/./b',
    '/%00',
    '/%2e%2e/',
    '/a?b=c',
    '/?',
    '/?a=b&c=d?e',
    '/a;b=c',
    '/a:b@c',
    '/http://b/',
    '/%',
    '/%zz',
    '/*',
    '/\\',
    '/a|b',
    '/{a}',
    '/[a]',
    '/"',
    '/<>',
    '/^`',
    `/${'a'.repeat(4000)}`,
    '/~a',
    "/!$&'()*+,;=",
    '//b/c',
    '/?http://b',
  ].map(target),
  good('OPTIONS *', line('OPTIONS * HTTP/1.1')),
  ...[
    'a',
    'A.Example',
    'example.com:8080',
    'a.',
    '127.0.0.1',
    '127.0.0.1:80',
    '[::1]',
    '[::1]:8080',
    '[fe80::1:2:3:4]',
    '[::ffff:1.2.3.4]',
    'a:',
    'a:0',
    'a:65535',
    'a:00080',
    'a_b',
    'a-b',
    '-',
    'xn--bcher-kva.example',
    '1',
    'a%20b',
    '%41',
    "!$&'()*+;=",
    'a~b',
    '[v1.a:b]',
    '*.a',
    '0x7f.1',
    '',
  ].map(host),
  good('Host in other case', 'GET / HTTP/1.1\r\nhOST: a\r\n\r\n'),
  good('Host last', 'GET / HTTP/1.1\r\nX: y\r\nHost: a\r\n\r\n'),
  good('Host without space', 'GET / HTTP/1.1\r\nHost:a\r\n\r\n'),
  good('Host with spaces and tabs around', 'GET / HTTP/1.1\r\nHost: \t a \t \r\n\r\n'),
  absolute('http://b/', '/', 'b'),
  absolute('http://b', '/', 'b'),
  absolute('http://b?x=y', '/?x=y', 'b'),
  absolute('http://b:8080/c?d', '/c?d', 'b:8080'),
  absolute('HTTP://B/c', '/c', 'B'),
  absolute('https://b/c', '/c', 'b'),
  absolute('http://[::1]:80/c', '/c', '[::1]:80'),
  absolute('http://b//c', '//c', 'b'),
  absolute('http://b/http://c/', '/http://c/', 'b'),
  absolute('http://b', '*', 'b', 'OPTIONS'),
  absolute('http://b/', '/', 'b', 'OPTIONS'),
  good('an absolute target with an empty Host', 'GET http://b/ HTTP/1.1\r\nHost:\r\n\r\n', {
    head: 'GET / HTTP/1.1\r\nHost: b',
  }),
  good('an absolute target with a length', 'POST http://b/c HTTP/1.1\r\nHost: z\r\nContent-Length: 2\r\n\r\nhi', {
    head: 'POST /c HTTP/1.1\r\nHost: b\r\nContent-Length: 2',
  }),
  good('an empty line before the request', `\r\n${line('GET / HTTP/1.1')}`, { head: 'GET / HTTP/1.1\r\nHost: a' }),
  good('four empty lines before the request', `\r\n\r\n\r\n\r\n${line('GET / HTTP/1.1')}`, {
    head: 'GET / HTTP/1.1\r\nHost: a',
  }),

  // Fields that pass as they are.
  ...[
    'X:',
    'X: ',
    'X:y',
    'X: \ty\t ',
    'X: a\tb',
    'X: a  b',
    `${tchars}: y`,
    'X: \x80\xff',
    'X: é',
    'X: :',
    'X: a: b',
    'X: "a, b"',
    'X: a,b',
    'X: a;b="c"',
    'X: y\r\nX: z',
    'Content_Length: 5',
    'Content_Length: 5\r\nTransfer_Encoding: chunked',
    'Transfer_Encoding: chunked',
    'Content-Length-: 5',
    'X-Content-Length: 5',
    'Content.Length: 5',
    'Transfer-Encodin: chunked',
    'XTransfer-Encoding: chunked',
    'Content-Encoding: gzip',
    'Host_: b',
    'X-Host: b',
    'Forwarded: for=b',
    'X-Forwarded-Host: b',
    'X-Real-IP: 1.2.3.4',
    'Via: 1.1 b',
    'Trailer: X',
    'Max-Forwards: 5',
    'Proxy-Authorization: b',
    'Cookie: a=b; c=d',
    'Authorization: Basic x',
    'Range: bytes=0-1',
    'If-None-Match: "x"',
    'Accept-Encoding: gzip, br',
    'Upgrade-Insecure-Requests: 1',
    'Sec-WebSocket-Key: x',
    'X-Request-ID: b',
    'X-Forwarded-For: 1.2.3.4',
    'X-Forwarded-Proto: https',
    'X-Method-Override: PUT',
    'Content-Type: a\r\nContent-Type: b',
    'Expect: 100-continue',
    'Expect: 100-Continue',
    'Expect: 100-continue, 100-continue',
    'Content-Length: 0',
    `X: ${'y'.repeat(8000)}`,
    'X: GET / HTTP/1.1',
    'Date: b',
    'Age: 0',
  ].map((text) => good(`field ${text.slice(0, 60)}`, field(text))),
  good('100 fields', field(Array.from({ length: 99 }, (_, i) => `X${i}: y`).join('\r\n'))),

  // Fields of this hop.
  gone('Connection: keep-alive'),
  gone('Connection:'),
  gone('Connection: ,'),
  gone('Connection: Keep-Alive, ,'),
  gone('Connection: x'),
  gone('Connection: x\r\nX: y'),
  gone('X: y\r\nConnection: x'),
  gone('Connection: keep-alive, X\r\nX: y\r\nx: z'),
  gone('Connection: a, b\r\nA: 1\r\nB: 2\r\nConnection: c\r\nC: 3'),
  gone('Connection: cookie\r\nCookie: a=b'),
  gone('Keep-Alive: timeout=5'),
  gone('Proxy-Connection: keep-alive'),
  gone('TE: trailers'),
  gone('TE: trailers, deflate;q=0.5\r\nConnection: TE'),
  gone('Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA'),
  gone('Upgrade: h2c'),
  gone('HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA'),
  gone('Upgrade: h2\r\nConnection: Upgrade'),
  gone('Upgrade: websocket, h2c\r\nConnection: Upgrade'),
  gone('Upgrade: TLS/1.2\r\nConnection: Upgrade'),
  gone('Upgrade: websocket'),
  gone('Upgrade:\r\nConnection: Upgrade'),
  gone('Connection: \t keep-alive \t'),
  good('a nomination of Host is not heard', field('Connection: Host'), { head: 'GET / HTTP/1.1\r\nHost: a' }),
  good(
    'a nomination of Content-Length is not heard',
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 2\r\n\r\nhi',
    { head: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2' },
  ),
  good(
    'a nomination of Transfer-Encoding is not heard',
    `POST / HTTP/1.1\r\nHost: a\r\nConnection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
    { head: CHUNKED, body: 'hi' },
  ),
  good('a nomination of Via is not heard', field('Connection: Via\r\nVia: 1.1 b'), {
    head: 'GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 b',
  }),
  good('a nomination of X-Forwarded-For is not heard', field('Connection: X-Forwarded-For\r\nX-Forwarded-For: b'), {
    head: 'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: b',
  }),
  good('Connection: close', field('Connection: close'), { head: 'GET / HTTP/1.1\r\nHost: a', closes: true }),
  good('Connection: Close', field('Connection: CLOSE'), { head: 'GET / HTTP/1.1\r\nHost: a', closes: true }),
  good('Connection: keep-alive, close', field('Connection: keep-alive, close'), {
    head: 'GET / HTTP/1.1\r\nHost: a',
    closes: true,
  }),
  good('Connection in two lines', field('Connection: keep-alive\r\nConnection: close'), {
    head: 'GET / HTTP/1.1\r\nHost: a',
    closes: true,
  }),
  good('Connection: close, X', field('Connection: close, X\r\nX: y'), {
    head: 'GET / HTTP/1.1\r\nHost: a',
    closes: true,
  }),

  // HTTP/1.0.
  good('HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\n\r\n', { head: 'GET / HTTP/1.1\r\nHost: a', closes: true }),
  good('HTTP/1.0 with keep-alive', 'GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n', {
    head: 'GET / HTTP/1.1\r\nHost: a',
  }),
  good('HTTP/1.0 with Keep-Alive, x', 'GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive, x\r\n\r\n', {
    head: 'GET / HTTP/1.1\r\nHost: a',
  }),
  good('HTTP/1.0 with close', 'GET / HTTP/1.0\r\nHost: a\r\nConnection: close, keep-alive\r\n\r\n', {
    head: 'GET / HTTP/1.1\r\nHost: a',
    closes: true,
  }),
  good('HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n', {
    head: 'GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT',
    closes: true,
  }),
  good('HTTP/1.0 without Host, keep-alive', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', {
    head: 'GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT',
  }),
  good('HTTP/1.0 absolute', 'GET http://b/c HTTP/1.0\r\n\r\n', { head: 'GET /c HTTP/1.1\r\nHost: b', closes: true }),
  good('HTTP/1.0 POST', 'POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi', {
    head: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2',
    closes: true,
  }),
  good(
    'HTTP/1.0 POST, keep-alive',
    'POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi',
    { head: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2' },
  ),
  good('HTTP/1.0 with Expect', 'GET / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n', {
    head: 'GET / HTTP/1.1\r\nHost: a',
    closes: true,
  }),
  good(
    'HTTP/1.0 that asks for an upgrade',
    'GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    { head: 'GET / HTTP/1.1\r\nHost: a', closes: true },
  ),

  // Bodies with a length.
  ...['POST', 'PUT', 'PATCH', 'GET', 'DELETE', 'OPTIONS', 'PROPFIND'].map((method) =>
    good(`${method} with a body`, `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`, { method }),
  ),
  good('HEAD with a body', 'HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello', { method: 'HEAD' }),
  good('POST without a length', line('POST / HTTP/1.1')),
  good('TRACE with length 0', 'TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'),
  good('a length with zeros in front', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\nX: y\r\n\r\nhello', {
    head: 'POST / HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 5',
  }),
  good('length 00', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 00\r\n\r\n', {
    head: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0',
  }),
  good('a length in other case, with tabs', 'POST / HTTP/1.1\r\nHost: a\r\ncOnTENT-lENGTH:\t5\t\r\n\r\nhello'),
  good(
    'a body that looks like a request',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 32\r\n\r\nGET /x HTTP/1.1\r\nHost: b\r\n\r\n0\r\n\r\n'.slice(0, -1),
  ),
  good(
    'a body that looks like chunks',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  ),
  good('a body of control characters', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n\0\r\n\n\r\x7f\x80\xff'),
  good('a body of empty lines', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\r\n\r\n'),
  good('Expect with a body', 'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello'),

  // Chunked bodies: read whole, written anew.
  ...['5', '05', '00000005', '0000000000000000000005', `${'0'.repeat(60)}5`].map(size),
  ...[
    ';a',
    ';a=b',
    ';a="b"',
    ';a="b;c"',
    ';a="\\""',
    ';a="\\\\"',
    ';a=b;c=d',
    ' ;a',
    ' \t;\ta\t=\tb\t;c',
    ';a=""',
    ';a="\t "',
    ';a="\x80"',
    `;a=${'b'.repeat(3000)}`,
    ';0=0',
    '; a = "b" ; c',
    ';a="0\\r\\n"',
    ';A=B;A=B',
  ].map(extension),
  ...[
    'X: y',
    'X:',
    'X: y\r\nZ: w',
    'Content-Length: 5',
    'Transfer-Encoding: chunked',
    'Host: b',
    'X: \x80',
    'Connection: close',
    'Content-Length: 5\r\nContent-Length: 6',
    'X:\ty\t',
  ].map(trailer),
  chunks('nothing', '0\r\n\r\n', ''),
  chunks('zeros', '000\r\n\r\n', ''),
  chunks('two chunks', '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n', 'hello world'),
  chunks('upper-case size', 'A\r\n0123456789\r\n0\r\n\r\n', '0123456789'),
  chunks('lower-case size', 'a\r\n0123456789\r\n0\r\n\r\n', '0123456789'),
  chunks('data that looks like chunks', '9\r\n0\r\n\r\n5\r\n\n\r\n0\r\n\r\n', '0\r\n\r\n5\r\n\n'),
  chunks('single bytes', '1\r\na\r\n1\r\n\r\r\n1\r\n\n\r\n1\r\nb\r\n0\r\n\r\n', 'a\r\nb'),
  good(
    'chunked in other case',
    'POST / HTTP/1.1\r\nHost: a\r\ntRANSFER-Encoding:\tCHUNKed \r\n\r\n2\r\nhi\r\n0\r\n\r\n',
    { head: CHUNKED, body: 'hi' },
  ),
  good(
    'chunked between fields',
    'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHost: a\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
    { head: CHUNKED, body: 'hi' },
  ),
  good('chunked GET', 'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n', {
    body: 'hi',
  }),
  good('chunked DELETE', 'DELETE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n', {
    body: 'hi',
  }),
  good('chunked HEAD', 'HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n', {
    body: 'hi',
    method: 'HEAD',
  }),
  good(
    'chunked, then close',
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
    { head: CHUNKED, body: 'hi', closes: true },
  ),
]
