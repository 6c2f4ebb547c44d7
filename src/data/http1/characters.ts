// Character classes of HTTP/1.1 as tables of 256 entries, and the few byte values that the parsers name.
// RFC 9110, section 5.6.2 (token), 5.5 (field value); RFC 9112, section 3 (request target); RFC 3986 (host).

export const TAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SPACE = 0x20
export const AMPERSAND = 0x26
export const COLON = 0x3a
export const SEMICOLON = 0x3b
export const COMMA = 0x2c
export const DOT = 0x2e
export const SLASH = 0x2f
export const STAR = 0x2a
export const EQUALS = 0x3d
export const PERCENT = 0x25
export const QUOTE = 0x22
export const BACKSLASH = 0x5c
export const QUESTION = 0x3f
export const LEFT_BRACKET = 0x5b
export const RIGHT_BRACKET = 0x5d
export const ZERO = 0x30
export const DELETE = 0x7f

function table(test: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (test(code) ? 1 : 0))
}

const among = (characters: string) => (code: number) => code < 128 && characters.includes(String.fromCharCode(code))
const alphanumeric = (code: number) => among('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789')(code)

/** tchar: methods and field names. */
export const TOKEN = table((code) => alphanumeric(code) || among("!#$%&'*+-.^_`|~")(code))
/** Field values: visible characters, space, tab and obs-text; no other control character. */
export const VALUE = table((code) => code === TAB || (code >= 0x20 && code !== 0x7f))
/** Request targets: visible ASCII. '#' is left out: a fragment never belongs into a request. */
export const TARGET = table((code) => code > 0x20 && code < 0x7f && code !== 0x23)
/**
 * reg-name and IPv4 (RFC 3986, section 3.2.2), without '%', which is looked at on its own, and without ',': two Host
 * fields that somebody joined are not one host.
 */
export const REG_NAME = table((code) => alphanumeric(code) || among("-._~!$&'()*+;=")(code))
/** Value of a hexadecimal digit, 255 for all else. */
export const HEX = Uint8Array.from({ length: 256 }, (_, code) => {
  const digit = '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase())
  return code < 128 && digit >= 0 ? digit : 255
})
