// Bytes that wait for somebody to take them: in order, whole, and in no more memory than was said.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Stash } from '../../../src/data/http1/stash.ts'

test('what is taken is what came, in order, in a buffer of at most twice that', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1 }), (pieces) => {
      const stash = new Stash()
      for (const [i, piece] of pieces.entries()) {
        const read = Buffer.concat([Buffer.from('before'), piece])
        if (i === 0) stash.keep(read, 6, read.length)
        else stash.append(Buffer.from(piece), piece.length)
      }
      const { length } = stash
      const taken = stash.take()!
      expect(taken.subarray(0, length)).toEqual(Buffer.concat(pieces))
      expect(taken.length).toBeLessThanOrEqual(2 * length + 64)
      expect(stash.length).toBe(0)
      expect(stash.take()).toBe(null)
    }),
  )
})

test('only a line end or another control character is worth a look', () => {
  const stash = new Stash()
  stash.keep(Buffer.from('GET / HT'), 0, 8)
  expect(stash.append(Buffer.from('TP/1.1'), 6)).toBe(false)
  expect(stash.append(Buffer.from('\r'), 1)).toBe(true)
  expect(stash.append(Buffer.from('Host'), 4)).toBe(false)
  expect(stash.append(Buffer.from('\0'), 1)).toBe(true)
})

test('empty lines are no part of a head', () => {
  const stash = new Stash()
  expect(stash.hasPartOfHead).toBe(false)
  stash.keep(Buffer.from('\r\n\r\n'), 0, 4)
  expect(stash.hasPartOfHead).toBe(false)
  stash.append(Buffer.from('G'), 1)
  expect(stash.hasPartOfHead).toBe(true)
})
