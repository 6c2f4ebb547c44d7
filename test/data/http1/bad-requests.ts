// Requests that must not get through, by theme: each in the one read or in any pieces, each behind a good request or not.
// Rows: what it is, its bytes (latin1), the reason it is refused with.
import type { ReasonCode } from '../../../src/model/reasons.ts'

export type BadRequest = readonly [name: string, bytes: string, reason: ReasonCode]

/** A request with these field lines, and what stands behind its head. */
const post = (lines: string, body = ''): string => `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n${body}`
const line = (text: string): string => `${text}\r\nHost: a\r\n\r\n`
const host = (value: string): string => `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`
const field = (text: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${text}\r\n\r\n`
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'

const framing = (name: string, bytes: string): BadRequest => [name, bytes, 'bad_framing']
const fieldCase = (name: string, bytes: string): BadRequest => [name, bytes, 'bad_field']

const codings = [
  'xchunked', 'chunkedx', 'chunked,', ',chunked', 'chunked, chunked', 'chunked,identity', 'identity, chunked', 'identity',
  'gzip', 'gzip, chunked', 'chunked, gzip', 'chunked;q=1', 'chunked ; a=b', '"chunked"', "'chunked'", 'chunked"', 'chunked chunked',
  'chun ked', 'chunked\tx', '', ' ', '\t', 'chunked=1', '[chunked]', 'chunked/1', '\xa0chunked', 'chunked\x85', 'cow', 'CHUNKED, CHUNKED',
  'c\xadhunked', 'chu\xeeked', 'close', 'trailers', 'x, chunked', 'deflate;chunked', 'chunked\\', '0', 'null',
]
const lengths = [
  '', ' ', '\t', '-1', '+5', '5,', ',5', '5,5', '5, 5', '5 5', '5;', '5;q=1', '5.0', '5e0', '0x5', '5h', '"5"', "'5'", '5\\', 'five', '0b101',
  '１', '\xb25', '5\xa0', '5_0', '1,000', '-0', '+0', '--5', '5-', '9007199254740993', '18446744073709551616', '99999999999999999999999999',
  '18446744073709551621', '0, 5', '5\t5', '5/5', 'NaN', 'Infinity', '5:5', '5=5', '(5)', '5#', '5%20', '%35', '∞', '0o5', '5n',
].map((text) => Buffer.from(text).toString('latin1'))

export const framingCases: readonly BadRequest[] = [
  framing('CL then TE', post('Content-Length: 5\r\nTransfer-Encoding: chunked', `0\r\n\r\n${SMUGGLED}`)),
  framing('TE then CL', post('Transfer-Encoding: chunked\r\nContent-Length: 5', `0\r\n\r\n${SMUGGLED}`)),
  framing('CL 0 with TE', post('Content-Length: 0\r\nTransfer-Encoding: chunked', '0\r\n\r\n')),
  framing('CL with TE, far apart', post('Content-Length: 5\r\nA: b\r\nC: d\r\nTransfer-Encoding: chunked', '0\r\n\r\n')),
  framing('CL with TE in other case', post('cOnTeNt-LeNgTh: 5\r\ntRANSFER-eNCODING: CHUNKED', '0\r\n\r\n')),
  framing('CL with TE identity', post('Content-Length: 5\r\nTransfer-Encoding: identity', 'hello')),
  framing('CL with empty TE', post('Content-Length: 5\r\nTransfer-Encoding:', 'hello')),
  framing('CL, TE nominated away', post('Connection: Content-Length\r\nContent-Length: 5\r\nTransfer-Encoding: chunked', '0\r\n\r\n')),
  framing('TE nominated away, CL', post('Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\nContent-Length: 5', '0\r\n\r\n')),
  framing('two TE lines', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n')),
  framing('two TE lines, the second unknown', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: cow', '0\r\n\r\n')),
  framing('two TE lines, the first unknown', post('Transfer-Encoding: cow\r\nTransfer-Encoding: chunked', '0\r\n\r\n')),
  framing('two TE lines, one empty', post('Transfer-Encoding: chunked\r\nTransfer-Encoding:', '0\r\n\r\n')),
  framing('TE lines that spell a list', post('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked', '0\r\n\r\n')),
  framing('two equal CL', post('Content-Length: 5\r\nContent-Length: 5', 'hello')),
  framing('two different CL', post('Content-Length: 5\r\nContent-Length: 6', 'hello!')),
  framing('two CL, one 0', post('Content-Length: 0\r\nContent-Length: 44', SMUGGLED)),
  framing('two CL with a line between', post('Content-Length: 5\r\nX: y\r\ncontent-length: 5', 'hello')),
  framing('CL and an empty CL', post('Content-Length: 5\r\nContent-Length:', 'hello')),
  framing('TE to HTTP/1.0', 'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  framing('TE to HTTP/1.0 with keep-alive', 'POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  framing('TE and CL to HTTP/1.0', 'POST / HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  framing('TRACE with a body', 'TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx'),
  framing('TRACE with a chunked body', 'TRACE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  framing('GET with bad CL', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: abc\r\n\r\n'),
  framing('HEAD with CL and TE', 'HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  ...codings.map((value) => framing(`TE ${JSON.stringify(value)}`, post(`Transfer-Encoding: ${value}`, `0\r\n\r\n`))),
  ...lengths.map((value) => framing(`CL ${JSON.stringify(value)}`, post(`Content-Length: ${value}`, 'hello'))),
]

const hidden = ['Transfer-Encoding', 'Content-Length']
const controls = [...Array(32).keys(), 0x7f].filter((code) => ![0x09, 0x0a, 0x0d].includes(code)).map((code) => String.fromCharCode(code))
const hex = (character: string): string => character.charCodeAt(0).toString(16).padStart(2, '0')

export const fieldCases: readonly BadRequest[] = [
  ...hidden.flatMap((name) => {
    const value = name === 'Content-Length' ? '5' : 'chunked'
    return [
      [' ', 'space'], ['\t', 'tab'], ['\x0b', 'vertical tab'], ['\x0c', 'form feed'], ['\r', 'CR'], ['\n', 'LF'], ['\0', 'NUL'], ['\xa0', 'no-break space'],
    ].flatMap(([blank, words]) => [
      fieldCase(`${name} with ${words} before the colon`, post(`${name}${blank}: ${value}`, '0\r\n\r\n')),
      fieldCase(`${name} with ${words} before the name`, post(`X: y\r\n${blank}${name}: ${value}`, '0\r\n\r\n')),
    ]).concat([
      fieldCase(`${name} with a vertical tab before the value`, post(`${name}:\x0b${value}`, '0\r\n\r\n')),
      fieldCase(`${name} with a vertical tab behind the value`, post(`${name}: ${value}\x0b`, '0\r\n\r\n')),
      fieldCase(`${name} with a form feed behind the value`, post(`${name}: ${value}\x0c`, '0\r\n\r\n')),
      fieldCase(`${name} with NUL behind the value`, post(`${name}: ${value}\0`, '0\r\n\r\n')),
      fieldCase(`${name} with NUL in the name`, post(`${name.slice(0, 7)}\0${name.slice(7)}: ${value}`, '0\r\n\r\n')),
      fieldCase(`${name} folded before the value`, post(`${name}:\r\n ${value}`, '0\r\n\r\n')),
      fieldCase(`${name} folded with tab before the value`, post(`${name}:\r\n\t${value}`, '0\r\n\r\n')),
      fieldCase(`${name} folded behind another field`, post(`X: y\r\n ${name}: ${value}`, '0\r\n\r\n')),
      fieldCase(`${name} behind a bare LF in a value`, post(`X: y\n${name}: ${value}`, '0\r\n\r\n')),
      fieldCase(`${name} behind a bare CR in a value`, post(`X: y\r${name}: ${value}`, '0\r\n\r\n')),
      fieldCase(`${name} behind CR CR LF`, post(`X: y\r\r\n${name}: ${value}`, '0\r\n\r\n')),
      fieldCase(`${name} without colon`, post(`${name} ${value}`, '0\r\n\r\n')),
      fieldCase(`${name} with = for the colon`, post(`${name}= ${value}`, '0\r\n\r\n')),
      fieldCase(`${name} in quotes`, post(`"${name}": ${value}`, '0\r\n\r\n')),
    ])
  }),
  ...controls.map((character) => fieldCase(`0x${hex(character)} in a value`, field(`X: a${character}b`))),
  ...controls.map((character) => fieldCase(`0x${hex(character)} in a name`, field(`X${character}Y: b`))),
  ...['(', ')', ',', '/', ';', '<', '=', '>', '?', '@', '[', '\\', ']', '{', '}', '"', '\x80', '\xff', ' ', '\t'].map((character) =>
    fieldCase(`${JSON.stringify(character)} in a name`, field(`X${character}Y: b`)),
  ),
  fieldCase('a fold', field('X: a\r\n b')),
  fieldCase('a fold with tab', field('X: a\r\n\tb')),
  fieldCase('a fold of nothing', field('X: a\r\n ')),
  fieldCase('a fold behind Host', 'GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n'),
  fieldCase('space behind the request line', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'),
  fieldCase('tab behind the request line', 'GET / HTTP/1.1\r\n\tX: y\r\nHost: a\r\n\r\n'),
  fieldCase('a line of spaces behind the request line', 'GET / HTTP/1.1\r\n   \r\nHost: a\r\n\r\n'),
  fieldCase('a bare LF at the end of a line', 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n'),
  fieldCase('a bare LF as empty line', 'GET / HTTP/1.1\r\nHost: a\r\n\n'),
  fieldCase('a bare CR as empty line', 'GET / HTTP/1.1\r\nHost: a\r\n\rX\r\n\r\n'),
  fieldCase('LF LF', 'GET / HTTP/1.1\r\nHost: a\n\n'),
  fieldCase('LF CR', 'GET / HTTP/1.1\r\nHost: a\n\rX: y\r\n\r\n'),
  fieldCase('CR CR LF at the end of the head', 'GET / HTTP/1.1\r\nHost: a\r\r\n\r\n'),
  fieldCase('CR before a name', field('\rX: y')),
  fieldCase('CR in a value', field('X: a\rb')),
  fieldCase('CR at the end of a value', field('X: a\r ')),
  fieldCase('LF in a name', field('X\nY: b')),
  fieldCase('an empty name', field(': b')),
  fieldCase('a name of one space', field(' : b')),
  fieldCase('no colon', field('Xy')),
  fieldCase('no colon in the first line', 'GET / HTTP/1.1\r\nHost\r\n\r\n'),
  fieldCase('a second request line', 'GET / HTTP/1.1\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n'),
  fieldCase('Host with space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n'),
  fieldCase('Host with tab before the colon', 'GET / HTTP/1.1\r\nHost\t: a\r\n\r\n'),
  fieldCase('DEL in Host', host('a\x7f')),
  fieldCase('NUL in Host', host('a\0b')),
]

const badHosts = [
  'a b', 'a,b', 'a, b', 'a@b', 'user:pw@a', 'a/b', '/a', 'a/', 'a?b', 'a#b', 'a\\b', 'a"b', '<a>', 'a^b', 'a`b', 'a{b}', 'a|b', 'a%', 'a%2', 'a%zz', 'a%g0',
  'http://a', 'a:b', 'a:80:80', 'a:80b', 'a:-80', 'a:+80', 'a: 80', 'a :80', 'a:65536', 'a:99999', 'a:100000000000000000000', 'a:80, b', 'a:80@b',
  ':80', ':', '::1', '1::2', '[::1', '::1]', '[]', '[]:80', '[::1]80', '[::1]a', '[::1]:b', '[[::1]]', '[::1]]', '[a]', '[1:2]', '[::g]', '[1.2.3.4]', '[::1%25lo]',
  '[::1%lo]', '[::1]:65536', '[::1] ', 'a[::1]', '\xfc.example', 'a\xa0', 'x\x80y', '[v.x]', '[vg.x]', '[v1.]', '[::1 ]', '*a b', 'a\tb',
].filter((value) => value.trim() === value)

export const hostCases: readonly BadRequest[] = [
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 'bad_host'],
  ['no Host, but others', 'GET / HTTP/1.1\r\nX-Host: a\r\nHosts: a\r\n\r\n', 'bad_host'],
  ['no Host in absolute form', 'GET http://a/ HTTP/1.1\r\n\r\n', 'bad_host'],
  ['two equal Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 'bad_host'],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n', 'bad_host'],
  ['two Hosts in absolute form', 'GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 'bad_host'],
  ['two Hosts, one empty', 'GET / HTTP/1.1\r\nHost: a\r\nHost:\r\n\r\n', 'bad_host'],
  ['two Hosts to HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n', 'bad_host'],
  ['three Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nHost: a\r\nHost: a\r\n\r\n', 'bad_host'],
  ['a bad Host in absolute form', 'GET http://a/ HTTP/1.1\r\nHost: a b\r\n\r\n', 'bad_host'],
  ['a bad Host to HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a/b\r\n\r\n', 'bad_host'],
  ...badHosts.map((value): BadRequest => [`Host ${JSON.stringify(value)}`, host(value), 'bad_host']),
]

const lineCase = (name: string, text: string): BadRequest => [name, text, 'bad_request_line']
const target = (value: string): BadRequest => [`target ${JSON.stringify(value)}`, line(`GET ${value} HTTP/1.1`), 'bad_target']
const version = (value: string): BadRequest => [`version ${JSON.stringify(value)}`, line(`GET / ${value}`), 'bad_version']
const noVersion = (value: string): BadRequest => lineCase(`version ${JSON.stringify(value)}`, line(`GET / ${value}`))

export const lineCases: readonly BadRequest[] = [
  ...['HTTP/1.2', 'HTTP/1.9', 'HTTP/2.0', 'HTTP/2', 'HTTP/3.0', 'HTTP/0.9', 'HTTP/9.9', 'HTTP/0.0'].map(version),
  ...['http/1.1', 'Http/1.1', 'HTTP/1.1 ', 'HTTP/1.1\t', ' HTTP/1.1', 'HTTP/1.1x', 'HTTP/1.11', 'HTTP/1,1', 'HTTP/1.', 'HTTP/1', 'HTTP/', 'HTTP/a.b', 'HTTP/1.a', 'HTTP /1.1',
    'HTTP\\1.1', 'HTTPS/1.1', 'XTTP/1.1', 'HTTP/-1.1', 'HTTP/+1.1', 'HTTP/x1.1', 'HTTP-1.1', 'ICY', '1.1', 'HTTP/1.1 HTTP/1.1', 'x HTTP/1.1'].map(noVersion),
  lineCase('version HTTP/01.1', line('GET / HTTP/01.1')).with(2, 'bad_version') as unknown as BadRequest,
  ['HTTP/0.9', 'GET /\r\n\r\n', 'bad_target'],
  ['HTTP/0.9 with a field', line('GET /'), 'bad_target'],
  ['no target', line('GET HTTP/1.1'), 'bad_target'],
  ['nothing but a method', line('GET'), 'bad_request_line'],
  ['two spaces behind the method', line('GET  / HTTP/1.1'), 'bad_target'],
  ['a tab behind the method', line('GET\t/ HTTP/1.1'), 'bad_request_line'],
  ['a tab behind the target', line('GET /\tHTTP/1.1'), 'bad_target'],
  ['two spaces behind the target', line('GET /  HTTP/1.1'), 'bad_request_line'],
  ['a vertical tab behind the method', line('GET\x0b/ HTTP/1.1'), 'bad_request_line'],
  ['space before the method', line(' GET / HTTP/1.1'), 'bad_request_line'],
  ['a tab before the method', line('\tGET / HTTP/1.1'), 'bad_request_line'],
  ['a bare LF before the request line', line('\nGET / HTTP/1.1'), 'bad_request_line'],
  ['a bare CR before the request line', line('\rGET / HTTP/1.1'), 'bad_request_line'],
  ['five empty lines before the request line', line('\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1'), 'bad_request_line'],
  ['a bare LF behind the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 'bad_request_line'],
  ['CR CR LF behind the request line', 'GET / HTTP/1.1\r\r\nHost: a\r\n\r\n', 'bad_request_line'],
  ['LF only', 'GET / HTTP/1.1\nHost: a\n\n', 'bad_request_line'],
  ['CR only', 'GET / HTTP/1.1\rHost: a\r\r', 'bad_request_line'],
  ['NUL in the request line', line('GET /\0 HTTP/1.1'), 'bad_target'],
  ['a byte order mark', line('\xef\xbb\xbfGET / HTTP/1.1'), 'bad_request_line'],
  ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 'bad_request_line'],
  ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'bad_target'],
  ['a response', 'HTTP/1.1 200 OK\r\nHost: a\r\n\r\n', 'bad_request_line'],
  ...['(', ')', ',', '/', ':', ';', '<', '=', '>', '?', '@', '[', '\\', ']', '{', '}', '"', '\x7f', '\x80', '\xff', '\x01', '\0'].map((character) =>
    lineCase(`${JSON.stringify(character)} in the method`, line(`G${character}T / HTTP/1.1`)),
  ),
  ...['x', 'a:80', 'www.example.com', 'www.example.com:80', '?x', '#', '/#', '/a#b', '/\x7f', '/\x80', '/\xff', '/\x01', '/\t', 'http:', 'http:/', 'http://', 'http:///',
    'http:///a', 'http://?x', 'http:a', 'http:/a', 'http//a', '://a/', '//', 'ftp://a/', 'ws://a/', 'file:///etc', 'gopher://a', 'javascript:1', 'http://u@a/', 'http://u:p@a/',
    'http://@a/', 'http://a:b/', 'http://a:65536/', 'http://:80/', 'http://a\\b/', 'http://[::1/', 'http://[]/', 'http://a,b/', 'http://a/#f', 'http://a%/', 'https://u@a/', 'http://a<b/',
    '*', '*x', '/ x', '**', 'http ://a/', '\\', '\\\\a', '.', '..', '%2f', ';'].filter((value) => value !== '//').map((value) => {
      const space = value.includes(' ')
      return space ? lineCase(`target ${JSON.stringify(value)}`, line(`GET ${value} HTTP/1.1`)).with(2, value.startsWith('http') ? 'bad_request_line' : 'bad_request_line') as unknown as BadRequest : target(value)
    }),
  ['OPTIONS with more than a star', line('OPTIONS *x HTTP/1.1'), 'bad_target'],
  ['POST with a star', line('POST * HTTP/1.1'), 'bad_target'],
  ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 'connect_method'],
  ['CONNECT with a path', line('CONNECT / HTTP/1.1'), 'connect_method'],
  ['CONNECT with an absolute target', line('CONNECT http://a/ HTTP/1.1'), 'connect_method'],
  ['CONNECT with bytes behind it', `CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n${SMUGGLED}`, 'connect_method'],
  ['connect in lower case', line('connect a:443 HTTP/1.1'), 'bad_target'],
]

const expectation = (value: string): BadRequest => [`Expect ${JSON.stringify(value)}`, post(`Expect: ${value}\r\nContent-Length: 2`, 'hi'), 'bad_expectation']

export const limitCases: readonly BadRequest[] = [
  ...['x', '100', '100-continue-not', '100 continue', '100-continue;q=1', '100-continue=1', '"100-continue"', '100-continue, x', 'x, 100-continue', '200-ok', '101-continue'].map(expectation),
  ['a second Expect', post('Expect: 100-continue\r\nExpect: x\r\nContent-Length: 2', 'hi'), 'bad_expectation'],
  ['a long target', line(`GET /${'a'.repeat(9000)} HTTP/1.1`), 'uri_too_long'],
  ['a target without end', `GET /${'a'.repeat(40_000)}`, 'uri_too_long'],
  ['a long query', line(`GET /?${'a'.repeat(9000)} HTTP/1.1`), 'uri_too_long'],
  ['a long absolute target', line(`GET http://a/${'a'.repeat(9000)} HTTP/1.1`), 'uri_too_long'],
  ['a long value', field(`X: ${'a'.repeat(20_000)}`), 'head_too_large'],
  ['a long name', field(`${'a'.repeat(20_000)}: b`), 'head_too_large'],
  ['a value without end', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}`, 'head_too_large'],
  ['a method without end', 'A'.repeat(20_000), 'head_too_large'],
  ['many long lines', field(Array.from({ length: 90 }, (_, i) => `X${i}: ${'a'.repeat(300)}`).join('\r\n')), 'head_too_large'],
  ['101 fields', field(Array.from({ length: 100 }, (_, i) => `X${i}: y`).join('\r\n')), 'too_many_fields'],
  ['many empty fields', field(Array.from({ length: 2000 }, () => 'X:').join('\r\n')), 'too_many_fields'],
]

const chunk = (name: string, body: string): BadRequest => [name, post('Transfer-Encoding: chunked', body), 'bad_chunk']
const size = (text: string): BadRequest => chunk(`chunk size ${JSON.stringify(text)}`, `${text}\r\nhello\r\n0\r\n\r\n`)

export const chunkCases: readonly BadRequest[] = [
  ...['0x5', '0X5', '-5', '+5', ' 5', '\t5', '5 ', '5\t', '5 5', '5h', 'g', 'z', '', '5,', '5:', '5\0', '5\x0b', '5\x0c', '\xef\xbc\x95', '5.0', '5e0x', '"5"', '10000000000005', 'ffffffffffffffff',
    '100000000000000005', '5=', '5 =', '5\r', '5\x80', '_5', '5_', '\0005', '#5', '--', '5/', '5%'].map(size),
  ...[';', ';=', ';=x', '; ', ';a=', ';a="x', ';a="x"y', ';a=x y', ';a b', ';a;', ';;a', ';"a"', ';a=b=c', ';a\x0b', ';a=\0', ';a=\x7f', ';a="\0"', ';a="\\\x01"', ';a=b\x0b', ';a\n', ';\n', ';a="\n"', ';a=b\rX',
    ';a\rb', ';\xff', ';a=\xff', ';(', ';a@b', ' ;', ';a = ', ' a', ';a="x" y'].map((extension) => chunk(`chunk extension ${JSON.stringify(extension)}`, `5${extension}\r\nhello\r\n0\r\n\r\n`)),
  chunk('a chunk extension that never ends', `5;a=${'b'.repeat(5000)}\r\nhello\r\n0\r\n\r\n`),
  chunk('leading zeros without end', `${'0'.repeat(5000)}5\r\nhello\r\n0\r\n\r\n`),
  chunk('LF behind the size', '5\nhello\r\n0\r\n\r\n'),
  chunk('CR behind the size', '5\rhello\r\n0\r\n\r\n'),
  chunk('CR CR LF behind the size', '5\r\r\nhello\r\n0\r\n\r\n'),
  chunk('LF CR behind the size', '5\n\rhello\r\n0\r\n\r\n'),
  chunk('LF behind the data', '5\r\nhello\n0\r\n\r\n'),
  chunk('CR behind the data', '5\r\nhello\r0\r\n\r\n'),
  chunk('nothing behind the data', '5\r\nhello0\r\n\r\n'),
  chunk('more data than the size', '4\r\nhello\r\n0\r\n\r\n'),
  chunk('less data than the size', '6\r\nhello\r\n0\r\n\r\n'),
  chunk('two spaces behind the data', '5\r\nhello  0\r\n\r\n'),
  chunk('an empty line between chunks', '5\r\nhello\r\n\r\n0\r\n\r\n'),
  chunk('LF only', '5\nhello\n0\n\n'),
  chunk('LF behind the last chunk', '5\r\nhello\r\n0\n\r\n'),
  chunk('LF for the last line', '5\r\nhello\r\n0\r\n\n'),
  chunk('CR for the last line', '5\r\nhello\r\n0\r\n\rX'),
  chunk('a request in place of the last line', `5\r\nhello\r\n0\r\n${SMUGGLED}`),
  chunk('a folded trailer', '0\r\nX: a\r\n b\r\n\r\n'),
  chunk('a trailer that begins with space', '0\r\n X: a\r\n\r\n'),
  chunk('a trailer with space before the colon', '0\r\nX : a\r\n\r\n'),
  chunk('a trailer without colon', '0\r\nX\r\n\r\n'),
  chunk('a trailer without name', '0\r\n: a\r\n\r\n'),
  chunk('a trailer with LF', '0\r\nX: a\n\r\n'),
  chunk('a trailer with CR', '0\r\nX: a\rb\r\n\r\n'),
  chunk('a trailer with NUL', '0\r\nX: \0\r\n\r\n'),
  chunk('trailers too large', `0\r\nX: ${'a'.repeat(17_000)}\r\n\r\n`),
  chunk('a negative last chunk', '5\r\nhello\r\n-0\r\n\r\n'),
  chunk('a last chunk of 0x0', '5\r\nhello\r\n0x0\r\n\r\n'),
]
