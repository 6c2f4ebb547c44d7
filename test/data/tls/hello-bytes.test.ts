// The first bytes of a client in any pieces: the result is that of the whole, as soon as it can be, and nothing is lost.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_CLIENT_HELLO, leastMissing, parseClientHello } from '../../../src/data/tls/client-hello.ts'
import { HelloBytes } from '../../../src/data/tls/hello-bytes.ts'
import { extension, handshake, hello, helloBody, protocolNames, records, serverName } from './hellos.ts'

const large = handshake(helloBody([extension(51, Buffer.alloc(1200)), serverName('a.test'), protocolNames('h2')]))

/** As what all sockets of a worker read into. */
const shared = Buffer.alloc(65_536)

/** In pieces of the given sizes, and the rest in one. @returns the result, and after how many bytes it was there */
function inPieces(bytes: Buffer, sizes: readonly number[]): { result: unknown; after: number; all: Buffer } {
  const gathered = new HelloBytes()
  let at = 0
  for (const size of [...sizes, bytes.length]) {
    const piece = bytes.subarray(at, at + size)
    at += piece.length
    const read = shared.subarray(0, piece.copy(shared))
    const result = gathered.add(read)
    read.fill(0) // the next read of any connection goes there
    if (result !== 'incomplete' || at === bytes.length) return { result, after: at, all: gathered.all }
  }
  throw new Error('no end')
}

test('whatever the pieces and the records, the result is that of the whole, and all bytes are there', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 600 }))
  fc.assert(
    fc.property(sizes, sizes, (ofRecords, ofPieces) => {
      const bytes = Buffer.concat([records(large, ofRecords), Buffer.from('what follows')])
      const { result, after, all } = inPieces(bytes, ofPieces)
      expect(result).toEqual({ serverName: 'a.test', protocols: ['h2'] })
      expect(all.equals(bytes.subarray(0, after))).toBe(true)
    }),
    { numRuns: 100 },
  )
})

test('the result is there with the byte that makes it complete', () => {
  const bytes = records(large, [1, 1, 1, 500])
  const { result, after } = inPieces(
    Buffer.concat([bytes, Buffer.alloc(50)]),
    Array.from({ length: bytes.length + 50 }, () => 1),
  )
  expect([after, result]).toEqual([bytes.length, { serverName: 'a.test', protocols: ['h2'] }])
})

test('what is said to be missing never goes beyond what is', () => {
  for (const bytes of [records(large), records(large, [1, 2, 3]), hello(), records(large, Array(1300).fill(1))]) {
    for (let n = 0; n < bytes.length; n++) {
      const missing = leastMissing(bytes.subarray(0, n))
      expect(missing).toBeGreaterThanOrEqual(1)
      expect(n + missing).toBeLessThanOrEqual(bytes.length)
    }
  }
})

test('a hello that comes byte by byte in thousands of records is looked at now and then only', () => {
  const message = handshake(helloBody([extension(51, Buffer.alloc(2400))]))
  const bytes = records(message, Array(message.length).fill(1))
  let looks = 0
  for (let n = 0; n < bytes.length; n += leastMissing(bytes.subarray(0, n))) looks++
  expect(bytes.length).toBeGreaterThan(14_000)
  expect(looks).toBeLessThan(100)
})

test('at the limit it is none, however much was still to come', () => {
  const message = handshake(helloBody([extension(51, Buffer.alloc(12_000))]))
  const bytes = records(message, Array(6000).fill(1)) // records blow it up beyond the limit
  expect(parseClientHello(bytes.subarray(0, MAX_CLIENT_HELLO - 1))).toBe('incomplete')
  for (const size of [1, 700]) {
    const sizes = Array.from({ length: Math.ceil(bytes.length / size) }, () => size)
    const { result, after } = inPieces(bytes, sizes)
    expect(result).toBe('none')
    expect(after).toBeLessThan(MAX_CLIENT_HELLO + size)
  }
})
