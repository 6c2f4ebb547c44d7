// Bytes that belong to a number, so that an answer that went to the wrong client, or lost a byte, can be told from the
// right one. Both ends of a test make them from the number alone.
import { createHash } from 'node:crypto'

/** Longest piece. */
export const MAX_BYTES = 262_144
const PERIOD = 262_139 // a prime, so that consecutive numbers begin at places far apart

const block = Buffer.alloc(MAX_BYTES + PERIOD)
let state = 0x9e37_79b9
for (let i = 0; i < block.length; i++) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
  block[i] = state >>> 24
}

/** @param length at most MAX_BYTES */
export function bytesOf(number: number, length: number): Buffer {
  const at = (number * 104_729) % PERIOD
  return block.subarray(at, at + length)
}

/** Length and hash of a body, as the server sends it back. */
export const sumOf = (body: Buffer): string => `${body.length}:${createHash('sha256').update(body).digest('hex')}`
