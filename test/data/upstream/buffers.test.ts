// Large buffers of bulk transfers are counted: a connection that closes in the middle of one gives its buffer back.
import net from 'node:net'
import { expect, test } from 'vitest'
import { Flow } from '../../../src/data/io/flow.ts'
import type { NodeSocket } from '../../../src/data/io/socket.ts'
import { UpstreamConnection } from '../../../src/data/upstream/connection.ts'
import { startServer } from '../../support/peers.ts'

const home = { count() {}, keep() {}, forget() {} }

/** Size of the buffer that a new transfer would get. */
function sizeNow(): number {
  const flow = new Flow()
  flow.bulk()
  const { length } = flow.nextBuffer()
  flow.rest()
  return length
}

test('a hundred connections that close in the middle of a transfer leave the next one its large buffer', async () => {
  const server = await startServer(() => {})
  const large = sizeNow()
  for (let i = 0; i < 100; i++) {
    const socket = net.connect(server.port, '127.0.0.1') as NodeSocket
    const connection = new UpstreamConnection(home, { socket, readyEvent: 'connect' })
    connection.flow.bulk()
    expect(connection.flow.nextBuffer().length).toBe(large)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.destroy()
    await closed
  }
  expect(sizeNow()).toBe(large)
})
