// Requests that must not get through because of a field line. Rows as in bad-requests.ts.
import type { BadRequest } from './bad-requests.ts'

/** A request with these field lines, and what stands behind its head. */
const post = (lines: string, body = ''): string => `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n${body}`
const field = (text: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${text}\r\n\r\n`
const framing = (name: string, bytes: string): BadRequest => [name, bytes, 'bad_framing']
const fieldCase = (name: string, bytes: string): BadRequest => [name, bytes, 'bad_field']

const hidden = ['Transfer-Encoding', 'Content-Length']
const controls = [...Array(32).keys(), 0x7f]
  .filter((code) => ![0x09, 0x0a, 0x0d].includes(code))
  .map((code) => String.fromCharCode(code))
const hex = (character: string): string => character.charCodeAt(0).toString(16).padStart(2, '0')

export const fieldCases: readonly BadRequest[] = [
  ...hidden.flatMap((name) => {
    const value = name === 'Content-Length' ? '5' : 'chunked'
    return [
      [' ', 'space'],
      ['\t', 'tab'],
      ['\x0b', 'vertical tab'],
      ['\x0c', 'form feed'],
      ['\r', 'CR'],
      ['\n', 'LF'],
      ['\0', 'NUL'],
      ['\xa0', 'no-break space'],
    ]
      .flatMap(([blank, words]) => [
        fieldCase(`${name} with ${words} before the colon`, post(`${name}${blank}: ${value}`, '0\r\n\r\n')),
        fieldCase(`${name} with ${words} before the name`, post(`X: y\r\n${blank}${name}: ${value}`, '0\r\n\r\n')),
      ])
      .concat([
        fieldCase(`${name} with a vertical tab before the value`, post(`${name}:\x0b${value}`, '0\r\n\r\n')),
        fieldCase(`${name} with a vertical tab behind the value`, post(`${name}: ${value}\x0b`, '0\r\n\r\n')),
        fieldCase(`${name} with a form feed behind the value`, post(`${name}: ${value}\x0c`, '0\r\n\r\n')),
        fieldCase(`${name} with NUL behind the value`, post(`${name}: ${value}\0`, '0\r\n\r\n')),
        fieldCase(`${name} with NUL in the name`, post(`${name.slice(0, 7)}\0${name.slice(7)}: ${value}`, '0\r\n\r\n')),
        framing(`${name} folded before the value`, post(`${name}:\r\n ${value}`, '0\r\n\r\n')),
        framing(`${name} folded with tab before the value`, post(`${name}:\r\n\t${value}`, '0\r\n\r\n')),
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
  ...['(', ')', ',', '/', ';', '<', '=', '>', '?', '@', '[', '\\', ']', '{', '}', '"', '\x80', '\xff', ' ', '\t'].map(
    (character) => fieldCase(`${JSON.stringify(character)} in a name`, field(`X${character}Y: b`)),
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
  fieldCase('DEL in Host', 'GET / HTTP/1.1\r\nHost: a\x7f\r\n\r\n'),
  fieldCase('NUL in Host', 'GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n'),
]
