// The seam to Node's sockets behaves the same in its fast way (bare handles, static reads) and by ordinary events.
import { randomBytes } from 'node:crypto'
import net, { type AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { breakOff, onConnection, own, plainSocket, resumeReading } from '../../../src/data/io/socket.ts'
import { sharedBuffer, type OwnedSocket, type SocketOwner, type Wire } from '../../../src/data/io/socket-owner.ts'
import { TcpSocket } from '../../../src/data/io/tcp-socket.ts'
import { dial, eventually, pause } from '../../support/peers.ts'

/** Sends back what comes, as long as it is not much, and notes what happens to it. */
class Echo implements SocketOwner {
  readonly socket: OwnedSocket
  readonly events: string[] = []
  got = 0
  /** Answers a read with a pause. */
  holds = false

  constructor(socket: Wire) {
    this.socket = own(socket, this)
  }
  onBytes(buffer: Buffer, n: number): boolean {
    this.got += n
    if (this.got < 1_000_000) this.socket.write(Buffer.from(buffer.subarray(0, n)))
    return !this.holds
  }
  nextBuffer(): Buffer {
    return sharedBuffer
  }
  onEnd(): void {
    this.events.push('end')
    this.socket.end()
  }
  onDrain(): void {}
  onClosed(error: NodeJS.ErrnoException | null): void {
    this.events.push(`closed ${error?.code ?? 'in order'}`)
  }
}

describe.each([
  ['bare handles', true],
  ['ordinary events', false],
])('by %s', (_, bare) => {
  async function listen(): Promise<{ port: number; accepted: Echo[] }> {
    const accepted: Echo[] = []
    const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onConnection(server, (connection) => accepted.push(new Echo(plainSocket(connection))), bare)
    onTestFinished(() => {
      for (const { socket } of accepted) socket.destroy()
      server.close()
    })
    return { port: (server.address() as AddressInfo).port, accepted }
  }

  test('bytes come as they were sent, and the end after them', async () => {
    const { port, accepted } = await listen()
    const client = await dial(port)
    const data = randomBytes(500_000)
    client.socket.end(data)
    await client.over()
    expect(client.received.equals(data)).toBe(true)
    await eventually('closed', () => accepted[0]!.events.length === 2)
    expect(accepted[0]!.events).toEqual(['end', 'closed in order'])
    expect(accepted[0]!.socket instanceof TcpSocket).toBe(bare)
  })

  test('a pause lasts until reading is resumed', async () => {
    const { port, accepted } = await listen()
    const client = await dial(port)
    await eventually('accepted', () => accepted.length === 1)
    accepted[0]!.holds = true
    client.write(Buffer.alloc(30_000_000))
    await eventually('some', () => accepted[0]!.got > 0)
    await pause(100)
    expect(accepted[0]!.got).toBeLessThan(1_000_000)
    accepted[0]!.holds = false
    resumeReading(accepted[0]!.socket)
    await eventually('all', () => accepted[0]!.got === 30_000_000)
  })

  test('a reset is seen from either side', async () => {
    const { port, accepted } = await listen()
    const first = await dial(port)
    await first.write('a').until('a')
    first.socket.resetAndDestroy()
    await eventually('seen', () => accepted[0]!.events.length > 0)
    expect(accepted[0]!.events).toEqual(['closed ECONNRESET'])
    const second = await dial(port)
    await second.write('b').until('b')
    breakOff(accepted[1]!.socket)
    await eventually('seen', () => second.closed)
    expect(second.error?.code).toBe('ECONNRESET')
  })
})
