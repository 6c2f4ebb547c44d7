// Pieces of log lines that would be dear if made anew for each: times of day, milliseconds, and strings that need
// escapes only seldom. All text made here is ASCII.

/** '000' to '999'. */
const threeDigits = Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, '0'))
/** '0.0' to '99.9', by tenths. */
const tenths = Array.from({ length: 1000 }, (_, n) => `${(n - (n % 10)) / 10}.${n % 10}`)

/** Milliseconds with one decimal; '-1' for a time that was not reached. A double's own text would take ten times as long. */
export function decimalMillis(span: number): string {
  if (span < 0) return '-1'
  const n = Math.round(span * 10)
  return tenths[n] ?? `${Math.floor(n / 10)}.${n % 10}`
}

/** Milliseconds, whole, as HAProxy has them. */
export const wholeMillis = (span: number): number => (span < 0 ? -1 : Math.round(span))

/** Text of a moment, made once per millisecond: what `second` gives (once per second), milliseconds, `end`. */
export function timeText(second: (time: Date) => string, end: string): (time: number) => string {
  let known = -1
  let knownSecond = -1
  let upToSecond = ''
  let text = ''
  return (time) => {
    if (time === known) return text
    known = time
    const now = Math.floor(time / 1000)
    if (now !== knownSecond) {
      knownSecond = now
      upToSecond = second(new Date(now * 1000))
    }
    text = flat(upToSecond + threeDigits[time - now * 1000]! + end)
    return text
  }
}

/** Past this many texts `remembered` starts anew, which only a config of that many servers brings about. */
const REMEMBERED = 10_000

/** A text made of three others, made once: the names of a config are few. */
export function remembered(make: (a: string, b: string, c: string) => string) {
  let known = new Map<string, Map<string, Map<string, string>>>()
  let size = 0
  return (a: string, b: string, c: string): string => {
    const text = known.get(a)?.get(b)?.get(c)
    if (text !== undefined) return text
    if (size++ > REMEMBERED) {
      known = new Map()
      size = 0
    }
    const made = flat(make(a, b, c))
    const ofA = known.get(a) ?? new Map<string, Map<string, string>>()
    const ofB = ofA.get(b) ?? new Map<string, string>()
    known.set(a, ofA.set(b, ofB.set(c, made)))
    return made
  }
}

/** The same text in one piece: V8 keeps a concatenation as a tree, and walking it is half of the cost of a line. */
export const flat = (text: string): string => Buffer.from(text, 'latin1').latin1Slice()

/** Per character code up to 255: whether it can stand in a JSON string, and in a line of HAProxy's, as it is. */
const plainInJson = new Uint8Array(256)
const plainInHaproxy = new Uint8Array(256)
for (let code = 0x20; code < 0x7f; code++) {
  plainInJson[code] = code === 0x22 || code === 0x5c ? 0 : 1 // quote, backslash
  plainInHaproxy[code] = code === 0x22 || code === 0x23 ? 0 : 1 // quote, and the '#' that begins an escape
}

/** The inside of a JSON string. */
export function jsonText(text: string): string {
  return isPlain(text, plainInJson) ? text : text.replaceAll(/[^ !#-[\]-~]/g, jsonEscape)
}

/** Text in a line of HAProxy's: '#' and two hexadecimal digits for each byte that would break the line or the quotes. */
export function haproxyText(text: string): string {
  return isPlain(text, plainInHaproxy) ? text : text.replaceAll(/[^ !$-~]/g, haproxyEscape)
}

function isPlain(text: string, plain: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (plain[text.charCodeAt(i)] !== 1) return false
  return true
}

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0')
const jsonEscape = (character: string): string =>
  character === '"' || character === '\\' ? `\\${character}` : `\\u${hex(character.charCodeAt(0), 4)}`
const haproxyEscape = (character: string): string => `#${hex(character.charCodeAt(0), 2).toUpperCase()}`
