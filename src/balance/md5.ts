// MD5 (RFC 1321), because Ketama places its points by it, and this folder imports nothing of Node. For building rings and
// nothing else: MD5 is broken as a signature, and the runtime's own is faster where there are keys to hash.

/** By round: how far each of its four kinds of step rotates. */
const ROTATE = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
] as const

/** Step i adds the first 32 bits of the fraction of |sin(i + 1)|. */
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32))

const START = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476] as const

/** @returns the digest as four words, each of four bytes, the lowest first: the order in which MD5 writes them out */
export function md5(bytes: Uint8Array): Uint32Array {
  const block = new Int32Array(16)
  const state = Int32Array.from(START)
  const end = bytes.length + 9 // after the message: one bit set, and its length in bits as 64
  for (let at = 0; at < end; at += 64) {
    for (let i = 0; i < 16; i++) block[i] = wordAt(bytes, at + 4 * i)
    if (at + 64 >= end) {
      block[14] = bytes.length << 3
      block[15] = bytes.length >>> 29
    }
    addBlock(state, block)
  }
  return new Uint32Array(state.buffer)
}

/** Four bytes of the padded message, without its length. */
function wordAt(bytes: Uint8Array, at: number): number {
  let word = 0
  for (let i = 0; i < 4 && at + i <= bytes.length; i++) {
    word |= (at + i === bytes.length ? 0x80 : bytes[at + i]!) << (8 * i)
  }
  return word
}

function addBlock(state: Int32Array, block: Int32Array): void {
  let [a, b, c, d] = state as unknown as [number, number, number, number]
  for (let i = 0; i < 64; i++) {
    const round = i >> 4
    let mixed: number
    let word: number
    if (round === 0) {
      mixed = (b & c) | (~b & d)
      word = i
    } else if (round === 1) {
      mixed = (b & d) | (c & ~d)
      word = 5 * i + 1
    } else if (round === 2) {
      mixed = b ^ c ^ d
      word = 3 * i + 5
    } else {
      mixed = c ^ (b | ~d)
      word = 7 * i
    }
    const sum = (a + mixed + SINES[i]! + block[word & 15]!) | 0
    const turn = ROTATE[round]![i & 3]!
    a = d
    d = c
    c = b
    b = (b + ((sum << turn) | (sum >>> (32 - turn)))) | 0
  }
  state[0]! += a
  state[1]! += b
  state[2]! += c
  state[3]! += d
}
