// Breaking off a connection in every state that it may be in: it is closed each time, and says so.
import type net from 'node:net'
import { expect, test } from 'vitest'
import { breakOff, onread, own } from '../../../src/data/io/socket.ts'
import type { OwnedSocket } from '../../../src/data/io/socket-owner.ts'
import { dial, eventually, startServer } from '../../support/peers.ts'

test.each(['open', 'ended', 'with bytes that nobody reads', 'ended, with bytes that nobody reads'])(
  '%s',
  async (state) => {
    let accepted: net.Socket | null = null
    const server = await startServer((socket) => (accepted = socket))
    const client = await dial(server.port)
    client.socket.pause()
    await eventually('accepted', () => accepted !== null)
    let closed = false
    const onClosed = (): void => void (closed = true)
    const socket: OwnedSocket = own(accepted!, {
      onBytes: () => true,
      nextBuffer: onread.buffer,
      onEnd() {},
      onDrain() {},
      onClosed,
    })
    if (state.includes('bytes')) socket.write(Buffer.alloc(50_000_000))
    if (state.includes('ended')) socket.end()
    breakOff(socket)
    await eventually('closed', () => closed)
    expect(socket.destroyed).toBe(true)
  },
)
