// A connection right on Node's handle: what is written comes in order, and each way to end it ends it once.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { breakOff, onConnection, own, plainSocket, unsentBytes } from '../../../src/data/io/socket.ts'
import { HOLD, PLACE_BUSY, sharedBuffer, type SocketOwner } from '../../../src/data/io/socket-owner.ts'
import { TcpSocket } from '../../../src/data/io/tcp-socket.ts'
import { isFull, writeBytes } from '../../../src/data/io/write.ts'
import { eventually, pause } from '../../support/peers.ts'

/** Notes what happens to a socket. */
class Witness implements SocketOwner {
  readonly socket: TcpSocket
  readonly events: string[] = []

  constructor(socket: TcpSocket) {
    this.socket = socket
    own(socket, this)
  }
  onBytes(_buffer: Buffer, n: number): boolean {
    this.events.push(`read ${n}`)
    return true
  }
  nextBuffer(): Buffer {
    return sharedBuffer
  }
  onEnd(): void {
    this.events.push('end')
  }
  onDrain(): void {
    this.events.push('drain')
  }
  onClosed(error: NodeJS.ErrnoException | null): void {
    this.events.push(`closed ${error?.code ?? 'in order'}`)
  }
}

/** A connection of which the client reads nothing until it is told to. @param at a port of loopback, or a path */
async function connected(
  at: number | string = 0,
): Promise<{ socket: TcpSocket; events: string[]; client: net.Socket }> {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true })
  const where = typeof at === 'number' ? { port: at, host: '127.0.0.1' } : { path: at }
  await new Promise<void>((resolve) => server.listen(where, resolve))
  const accepted = new Promise<Witness>((resolve) => {
    onConnection(server, (handle) => resolve(new Witness(plainSocket(handle) as TcpSocket)))
  })
  const client = net.connect(typeof at === 'number' ? { port: (server.address() as AddressInfo).port } : { path: at })
  client.pause().on('error', () => {})
  const { socket, events } = await accepted
  if (client.connecting) await new Promise((resolve) => client.once('connect', resolve))
  expect(socket).toBeInstanceOf(TcpSocket)
  onTestFinished(() => {
    client.destroy()
    socket.destroy()
    server.close()
  })
  return { socket, events, client }
}

/** More than a kernel takes of a connection that nobody reads. */
const data = randomBytes(30_000_000)

async function readAll(client: net.Socket): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of client) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

test('what the kernel takes at once is done; what it does not is kept in order, and told of when all is taken', async () => {
  const { socket, events, client } = await connected()
  expect(writeBytes(socket, data.subarray(0, 100))).toBe(0)
  expect(isFull(socket)).toBe(false)
  expect(writeBytes(socket, data.subarray(100, 20_000_000))).toBe(PLACE_BUSY | HOLD)
  expect(isFull(socket)).toBe(true)
  expect(unsentBytes(socket)).toBeGreaterThan(0)
  expect(socket.write(data.subarray(20_000_000))).toBe(false)
  expect(socket.write('the end', 'latin1')).toBe(false)
  expect(events).toEqual([])
  const all = readAll(client)
  await eventually('drained', () => events.length > 0)
  expect(events).toEqual(['drain'])
  expect([socket.writableLength, unsentBytes(socket), isFull(socket)]).toEqual([0, 0, false])
  socket.end()
  expect((await all).equals(Buffer.concat([data, Buffer.from('the end')]))).toBe(true)
  await eventually('closed', () => events.includes('closed in order'))
  expect(events).toEqual(['drain', 'end', 'closed in order'])
})

test.each(['end', 'destroySoon'] as const)('%s: after all that was written', async (way) => {
  const { socket, events, client } = await connected()
  socket.write(data)
  socket[way]()
  expect([socket.writableEnded, socket.writableFinished, socket.destroyed]).toEqual([true, false, false])
  expect((await readAll(client)).equals(data)).toBe(true)
  await eventually('closed', () => socket.destroyed)
  await eventually('told', () => events.some((event) => event.startsWith('closed')))
  expect(events.filter((event) => event.startsWith('closed'))).toEqual(['closed in order'])
})

test('each side ends by itself: the client has ended, and is answered', async () => {
  const { socket, events, client } = await connected()
  client.end('hello')
  await eventually('ended', () => events.includes('end'))
  expect(events).toEqual(['read 5', 'end'])
  expect(socket.destroyed).toBe(false)
  socket.write('hello yourself', 'latin1')
  socket.end()
  expect((await readAll(client)).toString()).toBe('hello yourself')
  await eventually('closed', () => events.includes('closed in order'))
})

test('ended on our side, it is read until the client ends too', async () => {
  const { socket, events, client } = await connected()
  socket.end()
  await eventually('finished', () => socket.writableFinished)
  client.write('more')
  await eventually('read', () => events.includes('read 4'))
  client.end()
  await eventually('closed', () => events.includes('closed in order'))
  expect(events).toEqual(['read 4', 'end', 'closed in order'])
})

test('destroyed with writes under way: closed once, and nothing else is heard of it', async () => {
  const { socket, events } = await connected()
  socket.write(data)
  socket.destroy()
  socket.destroy()
  socket.end()
  socket.resume()
  expect(writeBytes(socket, data)).toBe(0)
  await eventually('closed', () => events.length > 0)
  await pause(50)
  expect(events).toEqual(['closed in order'])
})

test('the peer is gone while writes are under way: one error', async () => {
  const { socket, events, client } = await connected()
  socket.pause()
  socket.write(data)
  client.resetAndDestroy()
  await eventually('closed', () => events.length > 0)
  await pause(50)
  expect(events).toHaveLength(1)
  expect(events[0]).toMatch(/closed (ECONNRESET|EPIPE)/)
})

test('somebody else can have the connection: it goes on, and this end hears nothing of it', async () => {
  const { socket, events, client } = await connected()
  const { remotePort } = socket
  expect(remotePort).toBe(client.localPort)
  const buffer = Buffer.alloc(100)
  let got = ''
  const onread = { buffer, callback: (n: number): boolean => ((got += buffer.toString('latin1', 0, n)), true) }
  const heir = new net.Socket({ handle: socket.detach(), allowHalfOpen: true, onread } as object)
  onTestFinished(() => void heir.destroy())
  client.write('for the heir')
  await eventually('heard', () => got === 'for the heir')
  heir.end('from the heir')
  expect((await readAll(client)).toString()).toBe('from the heir')
  expect(events).toEqual([])
  expect([socket.destroyed, socket.detach(), socket.remotePort]).toEqual([true, null, remotePort])
})

test('a unix socket has no address, and is broken off by closing it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-tcp-socket-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const { socket, events } = await connected(join(folder, 'socket'))
  expect([socket.remoteAddress, socket.remotePort, socket.localAddress]).toEqual([undefined, undefined, undefined])
  socket.setNoDelay(true)
  breakOff(socket)
  await eventually('closed', () => events.length > 0)
  expect(events).toEqual(['closed in order'])
})

test('who has connected is known after the end, when it was asked for before', async () => {
  const { socket, events, client } = await connected()
  expect(socket.remotePort).toBe(client.localPort)
  expect(socket.localPort).toBe(client.remotePort)
  socket.destroy()
  await eventually('closed', () => events.length > 0)
  expect(socket.remoteAddress).toBe('127.0.0.1')
})
