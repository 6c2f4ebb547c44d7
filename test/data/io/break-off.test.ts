// Breaking off a connection in every state that it may be in: it is closed each time, and says so.
import net, { type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { breakOff, onConnection, onread, own, plainSocket } from '../../../src/data/io/socket.ts'
import type { OwnedSocket, Wire } from '../../../src/data/io/socket-owner.ts'
import { dial, eventually } from '../../support/peers.ts'

const states = ['open', 'ended', 'with bytes that nobody reads', 'ended, with bytes that nobody reads']

test.each(states.flatMap((state) => [true, false].map((bare) => ({ state, bare }))))(
  '$state (bare handle: $bare)',
  async ({ state, bare }) => {
    let accepted: Wire | null = null
    const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true })
    onTestFinished(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onConnection(server, (connection) => (accepted = plainSocket(connection)), bare)
    const client = await dial((server.address() as AddressInfo).port)
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
