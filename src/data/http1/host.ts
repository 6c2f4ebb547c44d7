// The one form of a host that is let through: RFC 9110, section 7.2, and RFC 3986, section 3.2.2. The same check serves the
// Host field and the authority of a target in absolute form. Names are not resolved or compared here.
import { isIPv6 } from 'node:net'
import { COLON, HEX, LEFT_BRACKET, PERCENT, REG_NAME, RIGHT_BRACKET, ZERO } from './characters.ts'

const MAX_PORT = 65_535
const NOT_A_HEX = 255
/** IPvFuture: nobody uses it, but it is a host. */
const FUTURE = /^v[\da-f]+\.[\w.~!$&'()*+,;=:-]+$/i

/** uri-host [ ":" port ]; an empty one is well-formed, a port without a host is not. */
export function isHost(buffer: Uint8Array, start: number, end: number): boolean {
  if (start === end) return true
  const port = buffer[start] === LEFT_BRACKET ? endOfLiteral(buffer, start, end) : endOfName(buffer, start, end)
  if (port === end) return true
  return port > start && buffer[port] === COLON && isPort(buffer, port + 1, end)
}

/** @returns offset behind the name, which is `start` when there is none */
function endOfName(buffer: Uint8Array, start: number, end: number): number {
  let i = start
  while (i < end) {
    if (REG_NAME[buffer[i]!] === 1) i++
    else if (
      buffer[i] === PERCENT &&
      end - i > 2 &&
      HEX[buffer[i + 1]!] !== NOT_A_HEX &&
      HEX[buffer[i + 2]!] !== NOT_A_HEX
    )
      i += 3
    else break
  }
  return i
}

/** '[' IPv6 ']'. May allocate: such hosts are rare. @returns offset behind the bracket, or `start` when it is none */
function endOfLiteral(buffer: Uint8Array, start: number, end: number): number {
  const close = buffer.subarray(start, end).indexOf(RIGHT_BRACKET)
  if (close < 0) return start
  const text = String.fromCharCode(...buffer.subarray(start + 1, start + close))
  const zone = text.includes('%') // RFC 9110 knows no zones: they mean nothing beyond the machine they come from
  return (isIPv6(text) && !zone) || FUTURE.test(text) ? start + close + 1 : start
}

/** *DIGIT, and not more than a port can be. */
function isPort(buffer: Uint8Array, start: number, end: number): boolean {
  let port = 0
  for (let i = start; i < end; i++) {
    const digit = buffer[i]! - ZERO
    if (digit < 0 || digit > 9) return false
    port = port * 10 + digit
    if (port > MAX_PORT) return false
  }
  return true
}
