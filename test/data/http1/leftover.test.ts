// The end of an answer that a client leaves lying, on a clock and a socket of the test's own.
import { expect, test } from 'vitest'
import { Leftover, hasLeftover } from '../../../src/data/http1/leftover.ts'
import type { FrontendSpec } from '../../../src/messages/snapshot.ts'
import type { Clock } from '../../../src/data/io/clock.ts'
import type { OwnedSocket } from '../../../src/data/io/socket-owner.ts'

/** A client that has so many bytes left, at a lowest rate of bytes a second. */
function start(left: number, bodyRate: number, clientIdle = 60_000) {
  const handle = { writeQueueSize: left }
  const socket = { _handle: handle, pendingWrite: {}, writableLength: 0 } as unknown as OwnedSocket
  const clock = { time: 1000 }
  const spec = { limits: { bodyRate }, timeouts: { clientIdle, bodyGrace: 5000 } } as FrontendSpec
  const leftover = new Leftover(socket, clock as Clock, spec)
  leftover.start()
  const after = (span: number, unsent: number) => {
    clock.time += span
    handle.writeQueueSize = unsent
    return leftover.complaint(unsent)
  }
  return { socket, after }
}

test('a client that takes nothing is too slow, after the time that a full buffer is worth', () => {
  const { after } = start(100_000, 65_536)
  expect(after(4900, 100_000)).toBe(null)
  expect(after(200, 100_000)).toBe('client_too_slow')
})

test('a client that takes it at the lowest rate has all the time that it needs', () => {
  const { after } = start(1_000_000, 10_000)
  for (let left = 980_000; left > 0; left -= 20_000) expect(after(2000, left)).toBe(null)
})

test('where the rate would grant more, the idle limit ends it', () => {
  const { after } = start(100_000, 100, 60_000)
  expect(after(59_000, 100_000)).toBe(null)
  expect(after(1000, 100_000)).toBe('client_stalled')
})

test('what the system has taken is not left', () => {
  expect(hasLeftover(start(10, 1).socket)).toBe(true)
  expect(hasLeftover(start(0, 1).socket)).toBe(false)
  const { socket } = start(10, 1)
  socket.pendingWrite = null
  expect(hasLeftover(socket)).toBe(false)
})
